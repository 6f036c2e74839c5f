import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../../hack/root.ts';
import { builtProgram } from '../../hack/testenv/program.ts';

const program = await builtProgram();

/** A folder of files for `explain` and `validate`. It is deleted at the end of the scope. */
export class Files implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'explain-'));

  /**
   * @param name - may be in a folder, which is created
   * @returns the flags that name the file
   */
  write(name: string, content: string | Buffer | object): readonly string[] {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    const isText = typeof content === 'string' || Buffer.isBuffer(content);
    writeFileSync(file, isText ? content : JSON.stringify(content));
    return ['-f', file];
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Runs `explain` as a separate process with its own environment. */
export function runExplain(args: readonly string[], input = '', env: Readonly<Record<string, string>> = {}) {
  return runCommand(['explain', ...args], input, env);
}

/** Runs `validate` as a separate process. */
export function runValidate(args: readonly string[], input = '') {
  return runCommand(['validate', ...args], input);
}

/** Runs a command as a separate process with its own environment. */
export function runCommand(args: readonly string[], input = '', env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    input,
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: tmpdir(), ...env },
  });
  return { status, stdout, stderr };
}

/** A pull secret with these entries. */
export function pullSecret(name: string, auths: object, metadata: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, ...metadata },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  };
}

export function binding(name: string, spec: object, metadata: object = {}): object {
  return {
    apiVersion: 'credentials.securecodebox.io/v1alpha1',
    kind: 'ImageCredentialBinding',
    metadata: { name, ...metadata },
    spec: { image: 'reg.example/app', imagePullSecrets: [{ name: 'pull' }], ...spec },
  };
}

export function scheduledScan(name: string, parameters: readonly string[], more: object = {}): object {
  return {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'ScheduledScan',
    metadata: { name, ...more },
    spec: { interval: '24h', scanSpec: { scanType: 'trivy-image', parameters } },
  };
}

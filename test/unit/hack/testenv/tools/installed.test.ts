import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  described,
  type InstalledProgram,
  installed,
  preferInstalled,
  type ReplaceableTool,
} from '../../../../../hack/testenv/tools/installed.ts';
import { variableOf } from '../../../../../hack/testenv/tools/location.ts';
import { tools } from '../../../../../hack/testenv/tools/tools.ts';

const OLD_KUBECTL =
  'Client Version: version.Info{Major:"1", Minor:"31", GitVersion:"v1.31.4", GoVersion:"go1.22.9"}';

/** What a program prints, and the version that fits; or why it does not fit. */
const outputs: readonly (readonly [ReplaceableTool, string, string | RegExp])[] = [
  ['kubectl', 'Client Version: v1.30.0\nKustomize Version: v5.0.4', '1.30.0'],
  ['kubectl', 'Client Version: v1.32.4-dispatcher', '1.32.4'],
  ['kubectl', OLD_KUBECTL, '1.31.4'],
  ['kubectl', 'Client Version: v1.29.14', /^it is version 1\.29\.14$/],
  ['kube-apiserver', 'Kubernetes v1.34.2', '1.34.2'],
  ['kube-apiserver', 'Kubernetes v1.29.0', /^it is version 1\.29\.0$/],
  ['etcd', 'etcd Version: 3.5.0\nGit SHA: 0000000\nGo Version: go1.26.8', '3.5.0'],
  ['etcd', 'etcd Version: 3.4.30\nGit SHA: 0000000', /^it is version 3\.4\.30$/],
  ['helm', 'v3.14.0+g3fc9f4b', '3.14.0'],
  ['helm', 'v3.22', '3.22'],
  ['helm', 'v3.9.4+gdbc6d8e', /^it is version 3\.9\.4$/],
  ['helm', 'v4.0.1+g12500dd', /^it is version 4\.0\.1$/],
  ['trivy', 'Version: 0.63.0\nVulnerability DB:\n  Version: 2', '0.63.0'],
  ['trivy', 'Version: 0.62.1', /^it is version 0\.62\.1$/],
  ['trivy', 'Version: dev', /^it prints no version$/],
];

function assertCheck(check: InstalledProgram['check'] | undefined, expected: string | RegExp): void {
  if (typeof expected === 'string') assert.deepEqual(check, { result: 'fits', version: expected });
  else assert.match(check?.result === 'unfit' ? check.reason : 'fits', expected);
}

describe('a program of the machine', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'icb-installed-'));
    for (const name of ['bin', 'assets']) mkdirSync(join(folder, name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const environment = () => ({
    PATH: `relative:${join(folder, 'bin')}`,
    KUBEBUILDER_ASSETS: join(folder, 'assets'),
  });
  function program(path: string, script: string, mode = 0o755): string {
    const file = join(folder, path);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode });
    return file;
  }
  const prints = (text: string) => `cat <<'END'\n${text}\nEND`;

  for (const [name, text, expected] of outputs) {
    const isFit = typeof expected === 'string';
    const title = isFit ? `fits in version ${expected}` : `does not fit: ${expected.source}`;
    it(`${title}: ${name} that prints ${text.split('\n')[0]}`, async () => {
      const path = ['etcd', 'kube-apiserver'].includes(name) ? 'assets' : 'bin';
      const file = program(join(path, name), prints(text));
      const [found, ...others] = await installed(name, environment());
      assert.deepEqual([found?.file, others], [file, []]);
      assertCheck(found?.check, expected);
    });
  }

  for (const [title, script, reason] of [
    ['fails', 'exit 3', /^".*kubectl version --client" failed \(3\)$/],
    ['is no program', 'exec /nonexistent/program', /^".*kubectl version --client" failed \(12[67]\)$/],
    ['does not end', 'exec sleep 600', /^it did not print its version within 0\.2 s$/],
    ['prints without an end', 'yes 1', /failed \(ERR_CHILD_PROCESS_STDIO_MAXBUFFER\)|within 0\.2 s$/],
  ] as const)
    it(`does not fit if it ${title}`, async () => {
      program('bin/kubectl', script);
      const [found] = await installed('kubectl', environment(), title === 'does not end' ? 200 : 5_000);
      assertCheck(found?.check, reason);
    });

  it('is found only where the tool is looked for, as an executable file in an absolute folder', async () => {
    program('bin/etcd', prints('etcd Version: 3.6.0'));
    program('assets/helm', prints('v3.20.0'));
    program('bin/trivy', prints('Version: 0.74.0'), 0o644);
    mkdirSync(join(folder, 'bin/kubectl'));
    for (const name of ['etcd', 'helm', 'trivy', 'kubectl', 'kube-apiserver'] as const)
      assert.deepEqual(await installed(name, environment()), [], name);
    assert.deepEqual(await installed('kubectl', {}), []);
    assert.deepEqual(await installed('kubectl', { PATH: '', KUBEBUILDER_ASSETS: '' }), []);
  });

  it('is taken from KUBEBUILDER_ASSETS first, and from the PATH if that one does not fit', async () => {
    const onPath = program('bin/kubectl', prints('Client Version: v1.34.0'));
    program('assets/kubectl', prints('Client Version: v1.33.0'));
    const places = async () =>
      (await installed('kubectl', environment())).map(({ place, check }) => [place, check.result]);
    assert.deepEqual(await places(), [['KUBEBUILDER_ASSETS', 'fits']]);
    const old = program('assets/kubectl', prints('Client Version: v1.28.0'));
    assert.deepEqual(await places(), [
      ['KUBEBUILDER_ASSETS', 'unfit'],
      ['PATH', 'fits'],
    ]);
    const lines = (await installed('kubectl', environment())).map(described);
    assert.deepEqual(lines, [
      `not using ${old} (in KUBEBUILDER_ASSETS): expected kubectl 1.30 or later, below 2, but it is version 1.28.0; install such a version, so that the pinned one need not be built`,
      `using kubectl 1.34.0 on the PATH: ${onPath}`,
    ]);
  });

  it('is used by tools after preferInstalled, unless the variable of the tool names another', async (context) => {
    const { PATH } = process.env;
    context.after(() => {
      Object.assign(process.env, { PATH });
      for (const name of ['helm', 'trivy'] as const) delete process.env[variableOf(name)];
    });
    const helm = program('bin/helm', prints('v3.20.0'));
    program('bin/trivy', prints('Version: 0.74.0'));
    Object.assign(process.env, {
      PATH: [join(folder, 'bin'), PATH].join(':'),
      ICB_TOOL_TRIVY: process.execPath,
    });
    const lines: string[] = [];
    await preferInstalled(['helm', 'trivy'], (line) => lines.push(line));
    assert.deepEqual(lines, [`using helm 3.20.0 on the PATH: ${helm}`]);
    assert.deepEqual(await tools(['helm', 'trivy'], () => undefined), { helm, trivy: process.execPath });
  });
});

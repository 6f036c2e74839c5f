import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../../hack/root.ts';
import {
  type AuditEvent,
  type ControlPlane,
  startControlPlane,
} from '../../../../hack/testenv/control-plane/control-plane.ts';
import { until } from '../../../support/until.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);

const widgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.credentials.securecodebox.io' },
  spec: {
    group: 'credentials.securecodebox.io',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
          },
        },
      },
    ],
  },
};

const configMap = (name: string, metadata: object = {}) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata } });

/** IDs of the processes whose command line contains this text. */
function processesNaming(text: string): readonly string[] {
  return globSync('/proc/[0-9]*').filter((folder) => {
    try {
      return readFileSync(join(folder, 'cmdline'), 'utf8').includes(text);
    } catch {
      return false; // The process has exited in the meantime.
    }
  });
}

describe('a control plane', () => {
  let controlPlane: ControlPlane;
  before(async () => {
    controlPlane = await startControlPlane({ log });
    await controlPlane.kubectl(['create', 'namespace', 'team']);
  });
  after(() => controlPlane?.stop());

  const apply = (object: string, kubeconfig?: string) =>
    controlPlane.kubectl(['apply', '--server-side', '--namespace', 'team', '-f', '-'], {
      input: object,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
    });

  it('serves installed CRDs as soon as their installation returns', async () => {
    const file = join(controlPlane.directory, 'widgets.json');
    await writeFile(file, JSON.stringify(widgets));
    await controlPlane.installCrds([file]);
    const { stdout } = await controlPlane.kubectl(['get', 'widgets', '--all-namespaces', '-o', 'name']);
    assert.equal(stdout, '');
  });

  it('is reachable over TLS with a certificate of its own authority', async () => {
    assert.ok((await readFile(controlPlane.caFile, 'utf8')).startsWith('-----BEGIN CERTIFICATE-----'));
    const kubeconfig = await readFile(controlPlane.kubeconfig, 'utf8');
    assert.doesNotMatch(kubeconfig, /insecure/);
    const stranger = join(controlPlane.directory, 'stranger.kubeconfig');
    await writeFile(stranger, kubeconfig.replace(/ +certificate-authority-data: .*(\n +.*=)?\n/, ''));
    await assert.rejects(
      controlPlane.kubectl(['get', 'namespaces'], { kubeconfig: stranger }),
      /x509|certificate/,
    );
  });

  it('lets a service account do what RBAC allows, and nothing else', async () => {
    await controlPlane.kubectl(['create', 'serviceaccount', 'reader', '--namespace', 'team']);
    const kubeconfig = await controlPlane.kubeconfigFor({ namespace: 'team', name: 'reader' });
    const read = () => controlPlane.kubectl(['get', 'configmaps', '--namespace', 'team'], { kubeconfig });
    await assert.rejects(read(), /Forbidden.*system:serviceaccount:team:reader/s);

    const inTeam = ['--namespace', 'team'];
    await controlPlane.kubectl([
      'create',
      'role',
      'reader',
      ...inTeam,
      '--verb=list',
      '--resource=configmaps',
    ]);
    const binding = ['--role=reader', '--serviceaccount=team:reader'];
    await controlPlane.kubectl(['create', 'rolebinding', 'reader', ...inTeam, ...binding]);

    await until(
      () =>
        read().then(
          () => true,
          () => false,
        ),
      'the Role to take effect',
    ); // The authorizer learns of it through a watch.
    await assert.rejects(apply(configMap('mine'), kubeconfig), /Forbidden/);
  });

  it('creates no kubeconfig for a service account that does not exist', async () => {
    await assert.rejects(controlPlane.kubeconfigFor({ namespace: 'team', name: 'nobody' }), /not found/);
  });

  it('accepts pods in a namespace without a service account', async () => {
    const spec = { containers: [{ name: 'app', image: 'nginx' }] };
    await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'by-hand' }, spec }));
  });

  it('records the writes to the API groups of scans and credentials, with user and object', async () => {
    const file = join(controlPlane.directory, 'widgets.json');
    await writeFile(file, JSON.stringify(widgets));
    await controlPlane.installCrds([file]);
    const widget = { apiVersion: 'credentials.securecodebox.io/v1', kind: 'Widget', spec: { size: 4 } };
    await apply(JSON.stringify({ ...widget, metadata: { name: 'recorded' } }));

    const written = await audited('widgets', 'recorded');
    assert.deepEqual(
      written.map(({ verb, user, level, responseStatus }) => [
        verb,
        user.username,
        level,
        responseStatus?.code,
      ]),
      [['patch', 'admin', 'RequestResponse', 201]],
    );
    assert.partialDeepStrictEqual(written[0]?.requestObject, { spec: { size: 4 } });
  });

  it('records the write of a Secret without its content', async () => {
    const literal = '--from-literal=password=canary-3f9a';
    await controlPlane.kubectl(['create', 'secret', 'generic', 'hidden', '--namespace', 'team', literal]);

    const written = await audited('secrets', 'hidden');
    assert.deepEqual(
      written.map(({ verb, level }) => [verb, level]),
      [['create', 'Metadata']],
    );
    const text = await readFile(controlPlane.auditLog, 'utf8');
    assert.ok(!text.includes('canary-3f9a') && !text.includes(btoa('canary-3f9a')));
  });

  it('reports why kubectl failed, without the literals in its arguments', async () => {
    await assert.rejects(
      controlPlane.kubectl([
        'create',
        'secret',
        'generic',
        'x',
        '--namespace',
        'none',
        '--from-literal=a=canary-77',
      ]),
      (error: Error) =>
        /kubectl create secret.*namespaces "none" not found/s.test(error.message) &&
        !/canary/.test(error.message),
    );
  });

  it('keeps its data and its address when the API server restarts', async () => {
    await apply(configMap('kept'));
    await controlPlane.restartApiServer();
    const { stdout } = await controlPlane.kubectl([
      'get',
      'configmap',
      'kept',
      '--namespace',
      'team',
      '-o',
      'name',
    ]);
    assert.equal(stdout, 'configmap/kept\n');
    assert.equal((await audited('configmaps', 'kept')).length, 1);
  });

  it('does not share its objects with another control plane', async () => {
    await using other = await startControlPlane({ log, auditLog: false });
    assert.notEqual(other.server, controlPlane.server);
    await assert.rejects(other.kubectl(['get', 'namespace', 'team']), /not found/);
    assert.ok(!existsSync(other.auditLog));
    await other.stop();
    assert.ok(!existsSync(other.directory));
    await controlPlane.kubectl(['get', 'namespace', 'team']);
  });

  /** Waits until the audit log contains a write of an object, and returns all its writes. */
  async function audited(resource: string, name: string): Promise<readonly AuditEvent[]> {
    let found: readonly AuditEvent[] = [];
    await until(async () => {
      found = (await controlPlane.auditEvents()).filter(
        ({ verb, objectRef }) =>
          objectRef?.resource === resource &&
          objectRef.namespace === 'team' &&
          (objectRef.name ?? name) === name &&
          ['create', 'update', 'patch', 'delete'].includes(verb),
      );
      return found.length > 0;
    }, `the audit log to name ${resource} ${name}`);
    return found;
  }
});

describe('a control plane with its controller manager', () => {
  it('deletes an object whose owner was deleted', async () => {
    await using controlPlane = await startControlPlane({ controllerManager: true, log });
    await controlPlane.kubectl(['create', '-f', '-'], { input: configMap('owner') });
    const uid = await controlPlane.kubectl(['get', 'configmap', 'owner', '-o', 'jsonpath={.metadata.uid}']);
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: uid.stdout }];
    await controlPlane.kubectl(['create', '-f', '-'], { input: configMap('owned', { ownerReferences }) });

    await controlPlane.kubectl(['delete', 'configmap', 'owner']);

    await controlPlane.kubectl(['wait', '--for=delete', 'configmap/owned', '--timeout=60s']);
  });
});

describe('the control-plane command', () => {
  const folders: string[] = [];
  after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

  const command = ['hack/testenv/cli/control-plane.ts'];

  /** The first line of the command's output, and the folder of its data. */
  async function ready(owner: ChildProcess): Promise<{ readonly line: string; readonly directory: string }> {
    assert.ok(owner.stdout);
    const early = once(owner, 'exit').then(([code]) =>
      assert.fail(`the command exited with ${code} before it was ready`),
    );
    const [line] = (await Promise.race([once(createInterface(owner.stdout), 'line'), early])) as [string];
    return { line, directory: dirname(line.slice('export KUBECONFIG='.length)) };
  }

  async function assertNothingLeft(directory: string): Promise<void> {
    await until(() => !existsSync(directory), 'the directory to be removed');
    await until(() => processesNaming(directory).length === 0, 'the processes to exit');
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`prints its kubeconfig first, and on ${signal} exits with 0 and leaves nothing behind`, async () => {
      const owner = spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
      const { line, directory } = await ready(owner);
      assert.match(line, /^export KUBECONFIG=\/.+\/admin.kubeconfig$/);
      assert.equal(processesNaming(directory).length, 2);

      owner.kill(signal);

      assert.deepEqual(await once(owner, 'exit'), [0, null]);
      assert.ok(!existsSync(directory));
      assert.deepEqual(processesNaming(directory), []);
    });
  }

  it('leaves nothing behind when it is killed', async () => {
    const owner = spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    const { directory } = await ready(owner);
    owner.kill('SIGKILL');
    await assertNothingLeft(directory);
  });

  it('stops when the process that started it is killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'icb-test-'));
    folders.push(folder);
    const script = join(folder, 'starter.mjs');
    const stdio = `{ cwd: ${JSON.stringify(ROOT)}, stdio: ['ignore', 'inherit', 'inherit'] }`;
    const start = `spawn(process.execPath, ${JSON.stringify(command)}, ${stdio})`;
    await writeFile(script, `import { spawn } from 'node:child_process';\n${start};\n`);
    const starter = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { directory } = await ready(starter);
    starter.kill('SIGKILL');
    await assertNothingLeft(directory);
  });

  it('stops when the pipe on its standard input is closed', async () => {
    const owner = spawn(process.execPath, command, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    const { directory } = await ready(owner);
    owner.stdin?.end();
    assert.deepEqual(await once(owner, 'exit'), [0, null]);
    await assertNothingLeft(directory);
  });

  it('exits with 2 and prints its usage if a flag is unknown', async () => {
    const owner = spawn(process.execPath, [...command, '--wrong'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const texts = Promise.all(
      [owner.stdout, owner.stderr].map((stream) => stream.setEncoding('utf8').toArray()),
    );
    assert.deepEqual(await once(owner, 'exit'), [2, null]);
    const [stdout, stderr] = (await texts).map((chunks) => chunks.join(''));
    assert.equal(stdout, '');
    assert.match(stderr ?? '', /--wrong.*Usage:/s);
  });
});

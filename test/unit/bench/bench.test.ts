import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { Reflector } from '../../../src/kube/cache/reflector.ts';
import { Store } from '../../../src/kube/cache/store.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { type Stored, storedMeta } from '../../../src/object/object.ts';
import { createReflectors } from '../../../src/state/reflectors.ts';
import { createStores } from '../../../src/state/stores.ts';
import { WATCHES } from '../../bench/estate/bare.ts';

const directory = join(import.meta.dirname, '../../bench');
/** Files that are not benches: the runner, and the separate soak command. */
const OTHERS = new Set(['bench', 'soak']);

function bench(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(directory, 'bench.ts'), ...args], { encoding: 'utf8' });
}

describe('npm run bench', () => {
  it('describes each bench with --help', () => {
    const { status, stdout } = bench('--help');
    const files = readdirSync(directory).filter((file) => file.endsWith('.ts'));
    const names = files.map((file) => basename(file, '.ts')).filter((name) => !OTHERS.has(name));
    const listed = [...stdout.matchAll(/^ {2}(\S+) +\S.+$/gm)].map(([, name]) => name);
    assert.deepEqual(listed.toSorted(), names.toSorted());
    assert.equal(status, 0);
  });

  for (const wrong of ['convrege', '--quick']) {
    it(`runs nothing and lists the benches if it gets ${wrong}`, () => {
      const { status, stdout, stderr } = bench('keyring', wrong);
      assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
      assert.ok(stderr.includes(wrong) && stderr.includes('  converge '), stderr);
    });
  }

  it('runs the named bench and prints its figures', () => {
    const { status, stdout } = bench('memory');
    assert.equal(status, 0);
    assert.match(stdout, /^\nmemory\nbytes kept of an object/);
  });
});

it('a bare writer has the same watches as the controller', () => {
  const client = new KubeClient({ transport: new Transport(new KubeConfig()), fieldManager: 'test' });
  const log = pino({ level: 'silent' });
  const bare = WATCHES.map(
    (watch) =>
      new Reflector<Stored>({ ...watch, client, log, project: storedMeta, store: new Store<Stored>({}) }),
  );
  const controller = createReflectors(client, createStores(), { namespaces: 'all', admission: false }, log);
  assert.deepEqual(
    bare.map(({ description }) => description),
    controller.map(({ description }) => description),
  );
});

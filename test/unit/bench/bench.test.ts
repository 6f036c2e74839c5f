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
/** Not benches: the one that runs them, and a command of its own. */
const OTHERS = new Set(['bench', 'soak']);

function bench(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(directory, 'bench.ts'), ...args], { encoding: 'utf8' });
}

describe('npm run bench', () => {
  it('says with --help what each bench prints', () => {
    const { status, stdout } = bench('--help');
    const files = readdirSync(directory).filter((file) => file.endsWith('.ts'));
    const names = files.map((file) => basename(file, '.ts')).filter((name) => !OTHERS.has(name));
    const told = [...stdout.matchAll(/^ {2}(\S+) +\S.+$/gm)].map(([, name]) => name);
    assert.deepEqual(told.toSorted(), names.toSorted());
    assert.equal(status, 0);
  });

  for (const wrong of ['convrege', '--quick']) {
    it(`runs nothing and says what there is when it is told ${wrong}`, () => {
      const { status, stdout, stderr } = bench('keyring', wrong);
      assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
      assert.ok(stderr.includes(wrong) && stderr.includes('  converge '), stderr);
    });
  }

  it('runs the bench that is named, with its figures', () => {
    const { status, stdout } = bench('memory');
    assert.equal(status, 0);
    assert.match(stdout, /^\nmemory\nbytes kept of an object/);
  });
});

it('a bare writer holds the watches of the controller', () => {
  const client = new KubeClient({ transport: new Transport(new KubeConfig()), fieldManager: 'test' });
  const log = pino({ level: 'silent' });
  const bare = WATCHES.map(
    (watch) =>
      new Reflector<Stored>({ ...watch, client, log, project: storedMeta, store: new Store<Stored>({}) }),
  );
  const controller = createReflectors(client, createStores(), 'all', log);
  assert.deepEqual(
    bare.map(({ description }) => description),
    controller.map(({ description }) => description),
  );
});

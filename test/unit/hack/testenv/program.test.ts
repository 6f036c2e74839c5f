import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../../hack/root.ts';

const PRINT = `
import { builtProgram } from '${join(ROOT, 'hack/testenv/program.ts')}';
process.stdout.write(JSON.stringify([await builtProgram(), process.env.NODE_V8_COVERAGE ?? null]));
`;

describe('the bundle for tests', () => {
  let folder: string;
  let first: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'icb-bundles-'));
    [first] = builtBy({});
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function builtBy(env: NodeJS.ProcessEnv): readonly [program: string, coverage: string | null] {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', PRINT], {
      encoding: 'utf8',
      env: { ...process.env, ICB_CACHE: folder, ...env },
    });
    assert.equal(status, 0, stderr);
    // The program above prints this.
    return JSON.parse(stdout) as [string, string | null];
  }

  it('is in the cache, and runs', () => {
    assert.ok(first.startsWith(folder), first);
    const { stdout } = spawnSync(process.execPath, [first, '--version'], { encoding: 'utf8' });
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('is built once for the same source', () => {
    const { mtimeMs, ino } = statSync(first);
    assert.deepEqual(builtBy({}), [first, null]);
    const again = statSync(first);
    assert.deepEqual([again.mtimeMs, again.ino], [mtimeMs, ino]);
  });

  it('is built again if its deletion was interrupted', () => {
    rmSync(first);
    assert.deepEqual(builtBy({}), [first, null]);
    assert.ok(existsSync(first));
  });

  it('measures no coverage', () => {
    const [, coverage] = builtBy({ NODE_V8_COVERAGE: join(folder, 'coverage') });
    assert.equal(coverage, null);
  });

  it('deletes a bundle that has been unused for a week', () => {
    const bundles = join(folder, 'image-credential-binding/bundles');
    const [used] = readdirSync(bundles);
    const [recent, unused] = [join(bundles, 'recent'), join(bundles, 'unused')];
    mkdirSync(recent);
    mkdirSync(unused);
    const eightDaysAgo = new Date(Date.now() - 8 * 24 * 60 * 60 * 1_000);
    utimesSync(unused, eightDaysAgo, eightDaysAgo);
    rmSync(join(bundles, used ?? ''), { recursive: true });
    builtBy({});
    assert.deepEqual([existsSync(first), existsSync(recent), existsSync(unused)], [true, true, false]);
  });
});

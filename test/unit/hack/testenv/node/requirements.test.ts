import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../../../hack/root.ts';
import { ProcessGroup } from '../../../../../hack/testenv/processes/process-group.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const reason = process.platform === 'linux' ? 'a node needs root' : 'a node needs Linux';

describe('where no node can run', () => {
  let group: ProcessGroup;

  before(async () => {
    group = await ProcessGroup.start();
  });
  after(() => group.stop());

  /** Runs Node as a user without root's rights. */
  const run = (...args: readonly string[]) =>
    group.run(process.execPath, args, { cwd: '/', ...(isRoot ? { user: NOBODY } : {}) });

  it('the tests of the node are skipped with the reason, and build nothing', async () => {
    const started = performance.now();
    const file = join(ROOT, 'test/node/leftovers.test.ts');
    const { code, stdout, stderr } = await run('--test', '--test-reporter=tap', file);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`# SKIP ${reason}`));
    assert.match(stdout, /^# pass 0$/m);
    assert.doesNotMatch(stdout + stderr, /building/);
    assert.ok(performance.now() - started < 60_000);
  });

  it('npm run control-plane -- --node fails with the reason, before it starts anything', async () => {
    const file = join(ROOT, 'hack/testenv/cli/control-plane.ts');
    const { code, stdout, stderr } = await run(file, '--node');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, new RegExp(`^${reason}.*\n$`));
  });
});

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from '../../../../../hack/root.ts';
import { cgroupMounts, cgroupOf, removeCgroups } from '../../../../../hack/testenv/node/cgroups.ts';
import {
  cgroupsProblem,
  controllersProblem,
  nodeProblem,
} from '../../../../../hack/testenv/node/requirements.ts';

const SOURCES = join(ROOT, 'hack/testenv/node');
/** No process has this ID. */
const KEEPER = 2 ** 31 - 1;
const skip = (await nodeProblem()) ?? false;

describe('the check for controllers of cgroup v2', () => {
  let root: string;
  let file: string;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'icb-cgroups-'));
    file = join(root, 'cgroup.subtree_control');
  });
  beforeEach(() => rm(file, { force: true }));
  after(() => rm(root, { recursive: true }));

  it('creates no file with cgroup v1', async () => {
    assert.equal(await controllersProblem(root), undefined);
    assert.deepEqual(await readdir(root), []);
  });

  it('writes nothing if all are enabled', async () => {
    await writeFile(file, 'cpuset cpu io memory pids\n');
    assert.equal(await controllersProblem(root), undefined);
    assert.equal(await readFile(file, 'utf8'), 'cpuset cpu io memory pids\n');
  });

  it('enables only those that are missing', async () => {
    await writeFile(file, 'cpu');
    assert.equal(await controllersProblem(root), undefined);
    assert.equal(await readFile(file, 'utf8'), '+memory +pids');
  });
});

it('no node can run where no cgroups are mounted', async () => {
  assert.match((await cgroupsProblem([])) ?? '', /^a node needs cgroups, and none are mounted/);
});

it('no node can run if TMPDIR is in an overlay', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'icb-overlay-'));
  try {
    for (const name of ['lower', 'upper', 'work', 'merged']) await mkdir(join(folder, name));
    const script = `cd "$1" && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged
      TMPDIR="$1/merged" exec "$2" --input-type=module --eval "$3"`;
    const program = `import { nodeProblem } from '${SOURCES}/requirements.ts'; console.log(await nodeProblem());`;
    const args = ['--mount', 'sh', '-ec', script, 'sh', folder, process.execPath, program];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 60_000 });
    assert.match(stdout, /^a node needs a TMPDIR whose file system can hold layers of overlay/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('a keeper leaves nodes of other PID namespaces alone, and is not killed', { skip }, async () => {
  const folders = (await cgroupMounts()).map((mount) => join(mount, cgroupOf(KEEPER)));
  const other = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    for (const folder of folders) await mkdir(join(folder, 'empty'), { recursive: true });
    await writeFile(join(folders.at(-1) ?? '', 'cgroup.procs'), `${other.pid}`);
    const program = `import { processesIn, removeStaleCgroups } from '${SOURCES}/cgroups.ts';
      await removeStaleCgroups(); console.log(await processesIn(process.argv[1]));`;
    const namespace = ['--pid', '--fork', '--kill-child', '--mount-proc', 'setsid', '--wait'];
    const node = [process.execPath, '--input-type=module', '--eval', program, folders.at(-1) ?? ''];
    const { stdout } = await promisify(execFile)('unshare', [...namespace, ...node], { timeout: 60_000 });
    assert.equal(stdout, '[]\n');
    for (const folder of folders) assert.ok(existsSync(join(folder, 'empty')), folder);
    assert.deepEqual([other.exitCode, other.signalCode], [null, null]);
  } finally {
    const exited = new Promise((resolve) => other.once('exit', resolve));
    other.kill('SIGKILL');
    await exited;
    await removeCgroups(cgroupOf(KEEPER));
  }
});

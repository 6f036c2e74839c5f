import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { load, loadAll } from 'js-yaml';
import { ROOT } from '../../../hack/root.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

const folder = join(ROOT, '.github/workflows');
/** A version that names one release, or a commit. The owner of an action can move a shorter version. */
const PINNED = /^[\w-]+\/[\w-]+@(?:v\d+\.\d+\.\d+|[0-9a-f]{40})$/;
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
}
interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly needs?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const names = readdirSync(folder);
const read = (name: string) => load(readFileSync(join(folder, name), 'utf8')) as Workflow;
const stepsOf = (workflow: Workflow) => Object.values(workflow.jobs).flatMap(({ steps = [] }) => steps);

describe('the workflows', () => {
  it('pass actionlint', async () => {
    const { actionlint } = await tools(['actionlint'], (line) => process.stderr.write(`${line}\n`));
    const files = names.map((file) => join(folder, file));
    assert.ok(files.length > 0);
    const { status, stdout } = spawnSync(actionlint, ['-no-color', '-shellcheck=', '-pyflakes=', ...files], {
      encoding: 'utf8',
    });
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });

  const all = names.map(read);
  const scripts = all.flatMap(stepsOf).flatMap(({ run }) => run ?? []);

  it('have read permission unless a job declares more, and a time-out for each job', () => {
    for (const { permissions } of all) assert.deepEqual(permissions, { contents: 'read' });
    const endless = all
      .flatMap(({ jobs }) => Object.values(jobs))
      .filter((job) => job.uses === undefined && job['timeout-minutes'] === undefined);
    assert.deepEqual(endless, []);
  });

  it('name exact versions of actions', () => {
    const used = all.flatMap(stepsOf).flatMap(({ uses }) => uses ?? []);
    assert.ok(used.length > 10);
    for (const uses of used) assert.match(uses, PINNED);
  });

  it('contain scripts that Bash can parse', () => {
    assert.ok(scripts.length > 10);
    for (const script of scripts) {
      const input = script.replaceAll(/\$\{\{.*?\}\}/g, 'expression');
      assert.equal(spawnSync('bash', ['-n'], { encoding: 'utf8', input }).stderr, '', script);
    }
  });

  it('grant write permission to one job only, which runs after all tests have passed', () => {
    const writers = names.flatMap((name) =>
      Object.entries(read(name).jobs).filter(([, { permissions }]) => permissions !== undefined),
    );
    assert.deepEqual(
      writers.map(([name, { needs, permissions }]) => [
        name,
        needs,
        Object.keys(permissions ?? {}).toSorted(),
      ]),
      [['release', 'test', ['attestations', 'contents', 'id-token', 'packages']]],
    );
    assert.equal(read('release.yaml').jobs['test']?.uses, './.github/workflows/ci.yaml');
    assert.ok(stepsOf(read('ci.yaml')).some(({ run }) => run === 'npm test'));
  });

  it('check for security advisories', () => {
    for (const name of ['ci.yaml', 'nightly.yaml'])
      assert.ok(stepsOf(read(name)).some(({ run }) => run === 'npm audit'));
  });

  it('publish a chart that names the image by the digest that was pushed', async () => {
    const { helm } = await tools(['helm'], (line) => process.stderr.write(`${line}\n`));
    const step = stepsOf(read('release.yaml')).find(({ name }) =>
      name?.startsWith('Push and sign the chart'),
    );
    const [edit = ''] = (step?.run ?? '').split('echo "$TOKEN"');
    assert.match(edit, /DIGEST/);
    const copy = mkdtempSync(join(tmpdir(), 'icb-release-'));
    try {
      const chart = 'charts/image-credential-binding';
      cpSync(join(ROOT, chart), join(copy, chart), { recursive: true });
      const env = { PATH: process.env['PATH'], IMAGE: 'ghcr.io/o/r', VERSION: '1.2.3', DIGEST };
      const edited = spawnSync('bash', ['-e'], { encoding: 'utf8', input: edit, cwd: copy, env });
      assert.equal(edited.status, 0, edited.stderr);
      const { stdout, stderr } = spawnSync(
        helm,
        ['template', 'icb', join(copy, chart), '--kube-version', '1.30.0'],
        {
          encoding: 'utf8',
        },
      );
      const images = JSON.stringify(loadAll(stdout)).match(/"image":"[^"]+"/g) ?? [];
      assert.ok(images.length >= 2, stderr);
      assert.deepEqual([...new Set(images)], [`"image":"ghcr.io/o/r:1.2.3@${DIGEST}"`]);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { load, loadAll } from 'js-yaml';
import { ROOT } from '../../../hack/root.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import packageJson from '../../../package.json' with { type: 'json' };

const { version } = packageJson;

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
});

describe('the release workflow', () => {
  const steps = stepsOf(read('release.yaml'));
  const scripts = steps.flatMap(({ run }) => run ?? []);
  let folder: string;
  let helm: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'icb-release-'));
    helm = (await tools(['helm'], (line) => process.stderr.write(`${line}\n`))).helm;
    writeFileSync(join(folder, 'npm'), npm(), { mode: 0o755 });
    const step = steps.find(({ name }) => name?.startsWith('Write the release files'));
    const { status, stderr } = bash(step?.run ?? 'exit 1');
    assert.equal(status, 0, stderr);
  });
  after(() => rmSync(folder, { recursive: true }));

  /** An npm that writes the release files into `folder`, because other tests write to the folder dist of the checkout. */
  function npm(): string {
    const script = join(ROOT, 'hack/release/release-files.ts');
    const real = spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).stdout.trim();
    return [
      '#!/bin/sh',
      `[ "$1" = sbom ] && exec "${real}" "$@"`,
      '[ "$1 $2 $3 $4" = "run -s release-files --" ] || exit 1',
      'shift 4',
      `exec "${process.execPath}" "${script}" "$@" --output "${join(folder, 'dist/release')}"\n`,
    ].join('\n');
  }

  function bash(input: string) {
    const env = {
      ...{ PATH: [folder, process.env['PATH']].join(':'), HOME: process.env['HOME'], ICB_TOOL_HELM: helm },
      ...{ IMAGE: 'ghcr.io/o/r', VERSION: version, DIGEST },
      ...{ GITHUB_SERVER_URL: 'https://github.com', GITHUB_REPOSITORY: 'O/R' },
    };
    return spawnSync('bash', ['-e'], { encoding: 'utf8', input, cwd: folder, env });
  }

  it('publishes files and a chart that name the image by the digest that was pushed', () => {
    const chart = join(folder, `dist/release/image-credential-binding-${version}.tgz`);
    const args = ['template', 'icb', chart, '--kube-version', '1.30.0'];
    const { stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8' });
    for (const text of [stdout, readFileSync(join(folder, 'dist/release/install.yaml'), 'utf8')]) {
      const images = JSON.stringify(loadAll(text)).match(/"image":"[^"]+"/g) ?? [];
      assert.deepEqual([...new Set(images)], [`"image":"ghcr.io/o/r:${version}@${DIGEST}"`], stderr);
    }
  });

  it('publishes a manifest for krew that refers to its own repository', () => {
    const manifest = readFileSync(join(folder, 'dist/release/icb.yaml'), 'utf8');
    assert.match(manifest, new RegExp(`uri: https://github\\.com/O/R/releases/download/v${version}/`));
  });

  it('names only release files that exist', () => {
    const named = scripts.flatMap((text) => text.match(/\bdist\/release\/[^\s"]+/g) ?? []);
    assert.ok(named.length >= 2);
    for (const path of named) assert.ok(existsSync(join(folder, path.replace('$VERSION', version))), path);
  });

  it('uploads every release file, and each under a name of its own', () => {
    const [mapfile = ''] = scripts.flatMap((text) => text.match(/^mapfile .+$/m) ?? []);
    const { stdout, stderr } = bash(`${mapfile}\nprintf '%s\\n' "\${files[@]}"`);
    const names = stdout
      .trim()
      .split('\n')
      .map((path) => basename(path));
    // A release on GitHub has no folders.
    assert.equal(new Set(names).size, names.length, stderr);
    const sums = readFileSync(join(folder, 'dist/release/SHA256SUMS'), 'utf8');
    const expected = [...sums.matchAll(/^\w+ {2}(?!kustomize\/)(?:.+\/)?(.+)$/gm)].map(([, name]) => name);
    assert.deepEqual(names.toSorted(), [...expected, 'SHA256SUMS'].toSorted());
  });
});

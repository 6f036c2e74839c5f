import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cacheDirectory, provided, variableOf } from '../../../../../hack/testenv/tools/location.ts';
import { recipe, requiredGo, requiredVersion, toolNames } from '../../../../../hack/testenv/tools/recipe.ts';
import {
  goProblem,
  isAtLeast,
  parseGoVersion,
  toolchain,
} from '../../../../../hack/testenv/tools/toolchain.ts';
import { announcement, tools } from '../../../../../hack/testenv/tools/tools.ts';

describe('a tool that the environment provides', () => {
  let directory: string;
  let program: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'icb-test-'));
    program = join(directory, 'kubectl');
    await writeFile(program, '');
    await chmod(program, 0o755);
    await writeFile(join(directory, 'etcd'), '');
    await chmod(join(directory, 'etcd'), 0o644);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('is the program that its own variable names', async () => {
    assert.equal(await provided('kubectl', { ICB_TOOL_KUBECTL: process.execPath }), process.execPath);
  });

  it('is not taken from KUBEBUILDER_ASSETS or the PATH, because tests run the pinned programs', async () => {
    const env = { KUBEBUILDER_ASSETS: directory, PATH: directory };
    assert.equal(await provided('kubectl', env), undefined);
  });

  for (const what of ['', 'etcd', 'none']) {
    it(`cannot be ${what === '' ? 'a folder' : `a file that ${what === 'none' ? 'does not exist' : 'is not executable'}`}`, async () => {
      await assert.rejects(
        provided('trivy', { ICB_TOOL_TRIVY: join(directory, what) }),
        /expected an executable file in ICB_TOOL_TRIVY, found .*; correct or unset it/,
      );
    });
  }

  it('is not provided if its variable is empty', async () => {
    assert.equal(await provided('trivy', { ICB_TOOL_TRIVY: '' }), undefined);
  });

  it('needs no Go and logs nothing', async (context) => {
    const { PATH, ICB_TOOL_CRANE } = process.env;
    context.after(() => Object.assign(process.env, { PATH, ICB_TOOL_CRANE: ICB_TOOL_CRANE ?? '' }));
    Object.assign(process.env, { PATH: directory, ICB_TOOL_CRANE: program });
    const lines: string[] = [];
    assert.deepEqual(await tools(['crane'], (line) => lines.push(line)), { crane: program });
    assert.deepEqual(lines, []);
  });
});

describe('the cache of tools', () => {
  for (const [title, env, expected] of [
    ['ICB_CACHE first', { ICB_CACHE: '/a', XDG_CACHE_HOME: '/b' }, '/a/image-credential-binding/tools'],
    ['then XDG_CACHE_HOME', { ICB_CACHE: '', XDG_CACHE_HOME: '/b' }, '/b/image-credential-binding/tools'],
    ['and else ~/.cache', {}, join(process.env['HOME'] ?? '', '.cache/image-credential-binding/tools')],
  ] as const) {
    it(`is in ${title}`, () => assert.equal(cacheDirectory(env), expected));
  }
});

describe('the recipe of a tool', () => {
  for (const name of toolNames) {
    it(`pins ${name}: a version, checksums, and a build without the user's flags`, async () => {
      const { version, args, env, key } = await recipe(name);
      assert.match(version, /^v\d+\.\d+\.\d+$/);
      assert.ok(args.includes('-mod=readonly') && args.includes('-trimpath'));
      const cgo = name === 'runc' ? '1' : '0';
      assert.deepEqual([env['CGO_ENABLED'], env['GOFLAGS']], [cgo, '-mod=readonly']);
      assert.match(key, new RegExp(`^${name}-${version.replaceAll('.', '\\.')}-[0-9a-f]{16}$`));
      assert.equal((await recipe(name)).key, key);
    });
  }

  it('sets the version of the Kubernetes programs', async () => {
    const { args, version } = await recipe('kube-apiserver');
    assert.ok(args.includes(`-s -w -X k8s.io/component-base/version.gitVersion=${version}`));
  });

  it('reads versions from a line of go.mod, in a block or not, but not from a replacement', () => {
    const goMod =
      'go 1.26.3\nreplace a.io/x => a.io/x v9.9.9\nrequire a.io/y v1.2.3\nrequire (\n\ta.io/x v0.1.0 // indirect\n)\n';
    assert.deepEqual(
      [requiredVersion(goMod, 'a.io/x'), requiredVersion(goMod, 'a.io/y')],
      ['v0.1.0', 'v1.2.3'],
    );
    assert.equal(requiredGo(goMod), '1.26.3');
    assert.throws(() => requiredVersion(goMod, 'a.io/z'), /does not require a.io\/z/);
  });
});

describe('the Go that builds', () => {
  for (const [text, version] of [
    ['go1.26.8\n', '1.26.8'],
    ['go1.27rc1', '1.27'],
    ['devel go1.27-1a2b3c4 Mon Jan 5', '1.27'],
    ['go1.26.8 X:jsonv2', '1.26.8'],
    ['\n', '0'],
  ] as const) {
    it(`is ${version} if its version string is ${JSON.stringify(text)}`, () =>
      assert.equal(parseGoVersion(text), version));
  }

  for (const [one, other, expected] of [
    ['1.26.8', '1.26.3', true],
    ['1.26.3', '1.26.3', true],
    ['1.26', '1.26.0', true],
    ['1.26.2', '1.26.10', false],
    ['1.9', '1.21', false],
    ['2.0', '1.26.3', true],
  ] as const) {
    it(`of version ${one} is ${expected ? '' : 'not '}at least ${other}`, () =>
      assert.equal(isAtLeast(one, other), expected));
  }

  for (const [installed, kind] of [
    ['1.26.3', 'installed'],
    ['1.21.0', 'fetched'],
    ['1.20.14', 'tooOld'],
    [undefined, 'missing'],
  ] as const) {
    it(`is ${kind} if ${installed ?? 'none'} is on the PATH and 1.26.3 is required`, () =>
      assert.equal(toolchain(installed, '1.26.3').kind, kind));
  }

  for (const [installed, found] of [
    [undefined, /there is no "go" on the PATH/],
    ['1.20.14', /the "go" on the PATH is 1\.20\.14/],
  ] as const) {
    it(`is ${installed ?? 'missing'}, so the error says what to install or which variables to set`, async () => {
      const missing = [await recipe('etcd'), await recipe('kube-apiserver')];
      const problem = goProblem(missing, toolchain(installed, '1.26.3'), '1.26.3') ?? '';
      assert.match(problem, found);
      assert.match(problem, /needs Go 1\.26\.3 or later.*ICB_TOOL_ETCD=FILE ICB_TOOL_KUBE_APISERVER=FILE$/s);
    });
  }

  it('is not a problem if it is new enough or can fetch a newer version', async () => {
    const missing = [await recipe('etcd')];
    for (const version of ['1.26.3', '1.21.0']) {
      assert.equal(goProblem(missing, toolchain(version, '1.26.3'), '1.26.3'), undefined);
    }
  });

  it('is announced with the programs that it builds, the folder, and the total time', async () => {
    const [kubectl, etcd] = [await recipe('kubectl'), await recipe('etcd')];
    const text = announcement([
      { ...kubectl, seconds: 30 },
      { ...etcd, seconds: 75 },
    ]);
    assert.match(text, /kubectl v[\d.]+ \(30 s\), etcd v[\d.]+ \(75 s\); this takes about 2 min on 2 cores/);
    assert.ok(text.includes(cacheDirectory(process.env)));
  });
});

it('every tool has its own variable', () => {
  assert.equal(variableOf('kube-controller-manager'), 'ICB_TOOL_KUBE_CONTROLLER_MANAGER');
  assert.equal(new Set(toolNames.map(variableOf)).size, toolNames.length);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { CHART, ROOT } from '../../../../hack/root.ts';
import { RELEASE } from '../../../../hack/testenv/controller.ts';
import { tools } from '../../../../hack/testenv/tools/tools.ts';
import packageJson from '../../../../package.json' with { type: 'json' };

const { version } = packageJson;
const script = join(ROOT, 'hack/release/release-files.ts');
const log = (line: string) => process.stderr.write(`${line}\n`);

interface KrewManifest {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly version: string;
    readonly platforms: readonly {
      readonly selector: { readonly matchLabels: { readonly os: string; readonly arch: string } };
      readonly uri: string;
      readonly sha256: string;
      readonly bin: string;
    }[];
  };
}

describe('npm run release-files', () => {
  let folder: string;
  let release: string;
  let programs: { readonly helm: string; readonly kubectl: string };

  before(async () => {
    programs = await tools(['helm', 'kubectl'], log);
    folder = mkdtempSync(join(tmpdir(), 'icb-release-files-'));
    release = join(folder, 'release');
    const { status, stderr, stdout } = run(['--output', release]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^rendering the chart with .+\nbundling the command line\n.+\n +\d+ bytes {2}/);
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    return spawnSync(process.execPath, [script, ...args], {
      encoding: 'utf8',
      env: { ...process.env, ICB_TOOL_HELM: programs.helm, ...env },
    });
  }

  const filesIn = (root: string) =>
    globSync('**/*', { cwd: root, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
      .toSorted();
  const read = (path: string) => readFileSync(join(release, path));
  const shaOf = (path: string) => createHash('sha256').update(read(path)).digest('hex');

  /** Unpacks an archive of the release. Returns the folder. */
  function unpacked(path: string): string {
    const target = mkdtempSync(join(folder, 'unpacked-'));
    const { status, stderr } = spawnSync('tar', ['-xzf', join(release, path), '-C', target], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    return target;
  }

  it('writes the same bytes again, also over an earlier release', () => {
    const other = join(folder, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'SHA256SUMS'), `${'0'.repeat(64)}  old.tgz\n`);
    writeFileSync(join(other, 'old.tgz'), '');
    const { status, stderr } = run(['--output', other], { TMPDIR: folder, TZ: 'Asia/Tokyo', LC_ALL: 'C' });
    assert.equal(status, 0, stderr);
    assert.deepEqual(filesIn(other), filesIn(release));
    for (const path of filesIn(release)) assert.ok(read(path).equals(readFileSync(join(other, path))), path);
  });

  it('writes the hash of each other file into SHA256SUMS', () => {
    const lines = read('SHA256SUMS').toString().trimEnd().split('\n');
    const expected = filesIn(release).filter((path) => path !== 'SHA256SUMS');
    assert.ok(expected.length > 15);
    assert.deepEqual(
      lines,
      expected.map((path) => `${shaOf(path)}  ${path}`),
    );
  });

  it('packs the files that helm package packs, and Helm reads them alike', () => {
    const helm = (args: readonly string[]) =>
      spawnSync(programs.helm, args, { encoding: 'utf8', cwd: folder });
    const name = `${RELEASE}-${version}.tgz`;
    assert.equal(helm(['package', CHART]).status, 0);
    const listed = (path: string) =>
      spawnSync('tar', ['-tzf', path], { encoding: 'utf8' }).stdout.trim().split('\n').toSorted();
    assert.deepEqual(listed(join(release, name)), listed(join(folder, name)));
    const template = (chart: string) =>
      helm(['template', 'icb', chart, '--kube-version', '1.30.0', '--include-crds']);
    const { stdout, stderr } = template(join(release, name));
    assert.match(stdout, /^kind: Deployment$/m, stderr);
    assert.equal(stdout, template(CHART).stdout);
  });

  it('packs the kustomize base as one file, too', () => {
    const archive = unpacked(`${RELEASE}-kustomize-${version}.tar.gz`);
    const paths = filesIn(release).filter((path) => path.startsWith('kustomize/'));
    assert.deepEqual(filesIn(archive), paths);
    for (const path of paths) assert.ok(read(path).equals(readFileSync(join(archive, path))), path);
  });

  describe('the archives of the command line', () => {
    const manifest = () => load(read('icb.yaml').toString()) as KrewManifest;

    it('have the hashes in the manifest of krew, which names a program in each', () => {
      const { metadata, spec } = manifest();
      assert.deepEqual([metadata.name, spec.version], ['icb', `v${version}`]);
      assert.deepEqual(
        spec.platforms.map(({ selector: { matchLabels } }) => `${matchLabels.os}/${matchLabels.arch}`),
        ['linux/amd64', 'linux/arm64', 'darwin/amd64', 'darwin/arm64'],
      );
      for (const { uri, sha256, bin, selector } of spec.platforms) {
        const path = uri.slice(uri.lastIndexOf('/') + 1);
        const { os, arch } = selector.matchLabels;
        assert.match(
          uri,
          new RegExp(`^https://github\\.com/[^/]+/[^/]+/releases/download/v${version}/.*-${os}-${arch}\\.`),
        );
        assert.equal(sha256, shaOf(path));
        assert.ok(existsSync(join(unpacked(path), bin)));
      }
    });

    it('refer to the repository that --repository names', () => {
      const { status, stderr } = run(['--repository', 'github.com/o/r']);
      assert.match(
        stderr,
        /^error: expected --repository to be https:\/\/HOST\/OWNER\/NAME, found github\.com\/o\/r\n/,
      );
      assert.equal(status, 2);
    });

    describe('on Linux and macOS', () => {
      let bin: string;
      before(() => {
        // As krew installs it: a symbolic link in a folder on the PATH.
        bin = join(folder, 'bin');
        mkdirSync(bin);
        const archive = unpacked(`kubectl-icb-${version}-linux-amd64.tar.gz`);
        symlinkSync(join('..', archive.slice(folder.length + 1), 'kubectl-icb'), join(bin, 'kubectl-icb'));
        symlinkSync(programs.kubectl, join(bin, 'kubectl'));
      });

      /** Runs a command with these folders on the PATH, and the programs that the launcher itself needs. */
      function icb(args: readonly string[], ...folders: readonly string[]) {
        const [command = '', ...rest] = args;
        const env = { PATH: [bin, ...folders, shell()].join(':'), HOME: folder };
        return spawnSync(join(bin, command), rest, { encoding: 'utf8', env });
      }

      function shell(): string {
        const path = join(folder, 'shell');
        if (existsSync(path)) return path;
        mkdirSync(path);
        for (const name of ['sh', 'dirname', 'readlink']) {
          const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
          symlinkSync(stdout.trim(), join(path, name));
        }
        return path;
      }

      it('run with the Node on the PATH, also as a plug-in of kubectl', () => {
        const node = dirname(process.execPath);
        assert.equal(icb(['kubectl-icb', '--version'], node).stdout, `${version}\n`);
        const plugin = icb(['kubectl', 'icb', '--version'], node);
        assert.equal(plugin.stdout, `${version}\n`, plugin.stderr);
        assert.match(icb(['kubectl-icb', 'explain', '--help'], node).stdout, /^Usage: kubectl icb explain /);
        const explained = icb(
          [
            'kubectl-icb',
            'explain',
            'registry.example.org/shop/payments',
            '-f',
            join(ROOT, 'docs/examples/pull-secret.yaml'),
          ],
          node,
        );
        assert.match(explained.stdout, /Secret registry-example-org/, explained.stderr);
        assert.equal(explained.status, 0);
      });

      it('say what to do without Node, and with a Node that is too old', () => {
        const missing = icb(['kubectl-icb', '--version']);
        assert.deepEqual(
          [missing.status, missing.stderr],
          [2, 'error: expected Node 24 or later on the PATH, found none; install it (https://nodejs.org)\n'],
        );
        const old = join(folder, 'old-node');
        mkdirSync(old);
        const preload = `Object.defineProperty(process.versions, "node", { value: "18.20.8" });Object.defineProperty(process, "version", { value: "v18.20.8" })`;
        writeFileSync(join(old, 'old.cjs'), preload);
        writeFileSync(
          join(old, 'node'),
          `#!/bin/sh\nexec ${process.execPath} --require ${old}/old.cjs "$@"\n`,
          { mode: 0o755 },
        );
        const { status, stderr } = icb(['kubectl-icb', '--version'], old);
        assert.match(
          stderr,
          /^error: expected Node 24 or later, found v18\.20\.8 \(.+\); put Node 24 first in the PATH\n$/,
        );
        assert.equal(status, 2);
      });
    });

    it('contain a batch file on Windows, with the lines that Windows expects', () => {
      const archive = unpacked(`kubectl-icb-${version}-windows-amd64.tar.gz`);
      const text = readFileSync(join(archive, 'kubectl-icb.cmd'), 'utf8');
      assert.ok(!existsSync(join(archive, 'kubectl-icb')));
      assert.deepEqual(text.match(/(?<!\r)\n/g), null);
      const started = /^node "%~dp0(.+)" %\*\r$/m.exec(text)?.[1]?.replace('\\', '/') ?? '';
      const { stdout } = spawnSync(process.execPath, [join(archive, started), '--version'], {
        encoding: 'utf8',
      });
      assert.equal(stdout, `${version}\n`);
    });
  });

  describe('on the command line', () => {
    it('keeps files of others in the folder, and says what to do', () => {
      const other = join(folder, 'documents');
      mkdirSync(other);
      writeFileSync(join(other, 'letter.txt'), '');
      const { status, stderr } = run(['--output', other]);
      assert.match(
        stderr,
        /^error: expected an empty folder or an earlier release in .+documents, found letter\.txt; choose/,
      );
      assert.deepEqual([status, filesIn(other)], [1, ['letter.txt']]);
    });

    it('says which tool is missing, and how to provide it', () => {
      const env = { ICB_TOOL_HELM: '', ICB_CACHE: join(folder, 'empty'), PATH: join(folder, 'empty') };
      const { status, stderr } = run(['--output', join(folder, 'none')], env);
      assert.match(stderr, /^error: helm v[\d.]+ must be built, which needs Go .+ICB_TOOL_HELM=FILE\n$/s);
      assert.deepEqual([status, existsSync(join(folder, 'none'))], [1, false]);
      const { stderr: noNpm } = run(['--output', join(folder, 'none')], { PATH: join(folder, 'empty') });
      assert.match(noNpm, /^error: expected npm on the PATH, found none; install npm/);
    });

    it('uses a fitting Helm on the PATH', () => {
      const env = { ICB_TOOL_HELM: '', PATH: [dirname(programs.helm), process.env['PATH']].join(':') };
      const { status, stdout } = run(['--output', join(folder, 'by-path')], env);
      assert.match(stdout, /^using helm 3\.\d+ on the PATH: \/.+\nrendering /);
      assert.equal(status, 0);
    });

    it('prints its usage with --help, and exits with 2 on wrong arguments', () => {
      assert.match(run(['--help']).stdout, /^Usage: npm run release-files .+Example: .+Exit codes: /s);
      for (const args of [['--outptu', 'a'], ['now']]) {
        const { status, stderr } = run(args);
        assert.deepEqual([status, /^error: .+\n\nUsage: /.test(stderr)], [2, true], stderr);
      }
    });
  });
});

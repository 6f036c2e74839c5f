import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildImage, ENTRYPOINT, labels, USER } from '../../../../hack/image/image.ts';
import { ROOT } from '../../../../hack/root.ts';
import packageJson from '../../../../package.json' with { type: 'json' };

const VERSION = { revision: 'a'.repeat(40), time: 1_800_000_000 };
const NAME = 'registry.example.org/image-credential-binding:test';
/** Makes `chroot` possible for users without root's rights, where the machine lets them create user namespaces. */
const AS_ROOT = process.getuid?.() === 0 ? [] : ['unshare', '--user', '--map-root-user'];

function canChroot(): boolean {
  const [command = 'chroot', ...args] = [...AS_ROOT, 'chroot', '/', '/bin/true'];
  return spawnSync(command, args).status === 0;
}

const isLinux = process.platform === 'linux';

describe('the image that npm run image builds', {
  skip: isLinux ? false : 'it is built on Linux only',
}, () => {
  let folder: string;
  let digest: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'icb-image-test-'));
    const image = await buildImage(NAME, VERSION);
    digest = image.digest;
    writeFileSync(join(folder, 'image.tar'), image.archive);
    execFileSync('tar', ['-xf', 'image.tar'], { cwd: folder });
  });
  after(() => rmSync(folder, { recursive: true }));

  const read = (path: string) => readFileSync(join(folder, path));
  const json = (path: string) => JSON.parse(read(path).toString('utf8'));
  const blob = (of: { readonly digest: string }) => `blobs/${of.digest.replace(':', '/')}`;
  const manifest = () => json(blob({ digest }));
  const config = () => json(blob(manifest().config));

  it('is byte-identical when it is built again', async () => {
    const again = await buildImage(NAME, VERSION);
    assert.equal(again.digest, digest);
    assert.ok(again.archive.equals(read('image.tar')));
  });

  it('has blobs whose digests and sizes are those in the manifest', () => {
    const { config, layers } = manifest();
    for (const descriptor of [config, ...layers]) {
      const content = read(blob(descriptor));
      const sum = createHash('sha256').update(content).digest('hex');
      assert.deepEqual([`sha256:${sum}`, content.length], [descriptor.digest, descriptor.size]);
    }
    const [docker] = json('manifest.json');
    assert.deepEqual(docker.Layers, layers.map(blob));
    assert.equal(json('index.json').manifests[0].digest, digest);
  });

  it('has the entry point, user and labels of the Dockerfile', () => {
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    const texts = (name: string) => dockerfile.match(new RegExp(`(?<=^${name} ).+$`, 'gm'));
    assert.deepEqual(texts('ENTRYPOINT'), [JSON.stringify(ENTRYPOINT).replace(',', ', ')]);
    assert.deepEqual(texts('USER'), [USER]);
    const written = [...dockerfile.matchAll(/(org\.opencontainers\.image\.[\w.]+)="([^"]*)"/g)];
    const values = labels(VERSION);
    assert.deepEqual(written.map(([, name]) => name).toSorted(), Object.keys(values).toSorted());
    for (const [, name = '', value = ''] of written) {
      if (!value.startsWith('$')) assert.equal(values[name], value);
    }
    const { User, Entrypoint, Labels } = config().config;
    assert.deepEqual({ User, Entrypoint, Labels }, { User: USER, Entrypoint: ENTRYPOINT, Labels: values });
  });

  const chroot = { skip: canChroot() ? false : 'this machine does not allow chroot' };
  it('starts, resolves a host name, and needs nothing of the machine', chroot, () => {
    const root = join(folder, 'root');
    mkdirSync(root);
    for (const layer of manifest().layers)
      execFileSync('tar', ['-xzf', join(folder, blob(layer)), '-C', root]);
    const run = (...args: readonly string[]) => {
      const [command = '', ...rest] = [...AS_ROOT, 'chroot', root, ...args];
      return spawnSync(command, rest, { encoding: 'utf8', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    };
    const version = run(...ENTRYPOINT, '--version');
    assert.deepEqual([version.status, version.stdout], [0, `${packageJson.version}\n`], version.stderr);
    const lookup = "require('dns').lookup('127.0.0.1.example.invalid', (error) => console.log(error.code))";
    assert.match(run('/nodejs/bin/node', '-e', lookup).stdout, /^(?:ENOTFOUND|EAI_AGAIN)$/m);
  });
});

describe('npm run image', () => {
  const script = join(ROOT, 'hack/image/image.ts');
  function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    return spawnSync(process.execPath, [script, ...args], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
  }

  it('prints its usage with --help', () => {
    const { status, stdout } = run(['--help']);
    assert.match(stdout, /^Usage: npm run image .+Example: .+Exit codes: /s);
    assert.equal(status, 0);
  });

  for (const [args, says] of [
    [['--outptu', 'a'], "Unknown option '--outptu'"],
    [['now'], "Unexpected argument 'now'"],
    [['--name', 'app'], 'expected --name to be NAME:TAG, found app\n'],
    [['--name', `app:1@sha256:${'0'.repeat(64)}`], 'expected --name to be NAME:TAG, found app:1@sha256:'],
    [['--name', 'No Image:1'], ''],
  ] as const) {
    it(`exits with 2 for the arguments ${args.join(' ')}`, () => {
      const { status, stdout, stderr } = run(args);
      assert.ok(stderr.startsWith(`error: ${says}`), stderr);
      assert.match(stderr, /\n\nUsage: npm run image /);
      assert.deepEqual([status, stdout], [2, '']);
    });
  }

  it('says what is wrong with SOURCE_DATE_EPOCH', () => {
    const { status, stderr } = run([], { SOURCE_DATE_EPOCH: 'yesterday' });
    const expected =
      'error: expected seconds since 1970 in SOURCE_DATE_EPOCH, found yesterday; correct or unset it\n';
    assert.deepEqual([status, stderr], [1, expected]);
  });
});

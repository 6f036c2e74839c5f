import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../hack/root.ts';
import { type Output, ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { type Registry, startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);
const skip = process.platform === 'linux' ? false : 'the image is built on Linux only';

describe('the file that npm run image writes', { skip }, () => {
  let group: ProcessGroup;
  let registry: Registry;
  let built: Output;
  let file: string;

  before(async () => {
    group = await ProcessGroup.start();
    registry = await startRegistry({ group, log });
    file = join(group.directory, 'folder', 'image.tar');
    const args = [join(ROOT, 'hack/image/image.ts'), '--output', file, '--name', 'app:1.0'];
    built = await group.run(process.execPath, args);
  });
  after(() => group.stop());

  it('is pushed with crane, and read back as it was built', async () => {
    assert.deepEqual([built.code, built.stderr], [0, '']);
    const digest = / manifest (sha256:[0-9a-f]{64})\n$/.exec(built.stdout)?.[1] ?? '';
    const { crane } = await tools(['crane'], log);
    const run = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await group.run(crane, args);
      assert.equal(code, 0, stderr);
      return stdout.trim();
    };
    const image = `${registry.host}/app:1.0`;
    await run('push', file, image);
    const { architecture, os, config } = JSON.parse(await run('config', image));
    assert.deepEqual(
      { architecture, os, user: config.User, entrypoint: config.Entrypoint },
      {
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        os: 'linux',
        user: '65532:65532',
        entrypoint: ['/nodejs/bin/node', '/app/main.mjs'],
      },
    );
    await run('validate', '--remote', image);
    // crane reads the part that docker save writes, so it creates a manifest of its own, of the same config and layers.
    const manifest = JSON.parse(await run('manifest', image));
    const index = await group.run('tar', ['-xOf', file, `blobs/${digest.replace(':', '/')}`]);
    const expected = JSON.parse(index.stdout);
    const digests = (of: typeof manifest) =>
      [of.config, ...of.layers].map((each: { readonly digest: string }) => each.digest);
    assert.deepEqual(digests(manifest), digests(expected));
  });
});

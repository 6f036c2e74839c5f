import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ProcessGroup } from '../../../../hack/testenv/processes/process-group.ts';
import { type Registry, startRegistry } from '../../../../hack/testenv/registry/registry.ts';
import { tools } from '../../../../hack/testenv/tools/tools.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);
const user = { username: 'puller', password: 'first: "pass", word' };

describe('the registry of the test environment', () => {
  let group: ProcessGroup;
  let registry: Registry;
  before(async () => {
    group = await ProcessGroup.start();
    registry = await startRegistry({ group, user, log });
  });
  after(() => group?.stop());

  async function manifest(name: string, password?: string): Promise<Response> {
    const credentials = Buffer.from(`${user.username}:${password}`).toString('base64');
    const [repository, tag] = name.split(':');
    return fetch(`http://${registry.host}/v2/${repository}/manifests/${tag}`, {
      headers: {
        accept:
          'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json',
        ...(password === undefined ? {} : { authorization: `Basic ${credentials}` }),
      },
    });
  }

  it('serves a pushed image under the digest that the push returned, to its user only', async () => {
    const digest = await registry.pushImage('team/app:1.0', { 'etc/hello': 'world' });
    const answer = await manifest('team/app:1.0', user.password);
    assert.deepEqual([answer.status, answer.headers.get('docker-content-digest')], [200, digest]);
    assert.equal((await manifest('team/app:1.0', 'wrong')).status, 401);
    assert.equal((await manifest('team/app:1.0')).status, 401);
  });

  it('accepts a new password and refuses the old one from the next request on', async () => {
    await registry.pushImage('team/rotated:1', { a: 'a' });
    await registry.setPassword('second');
    assert.equal((await manifest('team/rotated:1', 'second')).status, 200);
    assert.equal((await manifest('team/rotated:1', user.password)).status, 401);
    await registry.pushImage('team/rotated:2', { a: 'b' });
    await registry.setPassword(user.password);
  });

  it('lets Trivy scan an image only with its credential', async () => {
    const name = 'team/scanned:1';
    await registry.pushImage(name, { 'etc/os-release': 'ID=none\n' });
    const { trivy } = await tools(['trivy'], log);
    const flags =
      '--image-src remote --scanners secret --skip-version-check --disable-telemetry --no-progress --format json';
    const scan = (directory: string) =>
      group.run(trivy, ['image', ...flags.split(' '), `${registry.host}/${name}`], {
        env: { DOCKER_CONFIG: directory },
      });
    const directory = join(group.directory, 'docker');
    await mkdir(directory);
    const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    await writeFile(join(directory, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));

    const scanned = await scan(directory);
    assert.equal(scanned.code, 0, scanned.stderr);
    assert.match(
      (JSON.parse(scanned.stdout) as { Metadata: { ImageID: string } }).Metadata.ImageID,
      /^sha256:/,
    );
    assert.match((await scan(group.directory)).stderr, /UNAUTHORIZED/);
  });

  it('accepts everyone if it has no user, and then has no password to set', async () => {
    await using open = await startRegistry({ group, log });
    await open.pushImage('public:1', { a: 'a' });
    assert.equal((await fetch(`http://${open.host}/v2/public/tags/list`)).status, 200);
    await assert.rejects(open.setPassword('x'), /found one without/);
  });

  it('leaves nothing behind when it stops, if it has its own process group', async () => {
    const own = await startRegistry({ log });
    await own.stop();
    await assert.rejects(fetch(`http://${own.host}/v2/`));
    assert.ok(existsSync(group.directory));
  });
});

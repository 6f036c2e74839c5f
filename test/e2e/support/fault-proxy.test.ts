import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { type Registry, startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { FaultProxy } from '../../support/faults/index.ts';
import { type HttpResponse, send } from '../../support/faults/send.ts';

const MANIFEST = '/v2/team/app/manifests/1.0';
const MEDIA_TYPES =
  'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';

describe('the fault proxy in front of a real registry', () => {
  let registry: Registry;
  let proxy: FaultProxy;
  let digest: string;
  let layer: string;

  before(async () => {
    registry = await startRegistry({ log: (line) => process.stderr.write(`${line}\n`) });
    digest = await registry.pushImage('team/app:1.0', { big: 'x'.repeat(300_000) });
    const { layers } = JSON.parse((await get(MANIFEST, `http://${registry.host}`)).body.toString());
    layer = `/v2/team/app/blobs/${layers[0].digest}`;
  });
  after(async () => registry?.stop());
  beforeEach(async () => {
    proxy = await FaultProxy.start({ upstream: `http://${registry.host}`, seed: 1 });
  });
  afterEach(async () => proxy?.stop());

  const get = (path: string, server = proxy.url, method = 'GET'): Promise<HttpResponse> =>
    send(`${server}${path}`, { method, headers: { accept: MEDIA_TYPES } });

  it('passes manifests and layers on unchanged, and the responses to HEAD', async () => {
    for (const path of [MANIFEST, layer]) {
      const [through, straight] = [await get(path), await get(path, `http://${registry.host}`)];
      assert.deepEqual([through.status, through.cut], [200, false]);
      assert.deepEqual(through.body, straight.body);
      assert.equal(through.headers['docker-content-digest'], straight.headers['docker-content-digest']);
    }
    const { status, headers, body } = await get(MANIFEST, proxy.url, 'HEAD');
    assert.deepEqual([status, headers['docker-content-digest'], body.length], [200, digest, 0]);
  });

  it('passes an upload on to the location that the registry returns', async () => {
    const begun = await get('/v2/team/other/blobs/uploads/', proxy.url, 'POST');
    assert.equal(begun.status, 202);
    const { location = '' } = begun.headers;
    assert.ok(location.startsWith(proxy.url), location);
    const content = 'y'.repeat(100_000);
    const uploaded = await send(location, {
      method: 'PATCH',
      body: content,
      headers: { 'content-type': 'application/octet-stream' },
    });
    assert.deepEqual([uploaded.status, uploaded.headers.range], [202, `0-${content.length - 1}`]);
  });

  it('cuts the connection in the middle of a layer', async () => {
    void proxy.once({ kind: 'cut-mid-line' }, ({ path }) => path === layer);
    const { cut, status, body, headers } = await get(layer);
    assert.deepEqual([cut, status], [true, 200]);
    assert.ok(body.length > 0 && body.length < Number(headers['content-length']), String(body.length));
  });

  it('cuts the connection before the registry answers', async () => {
    void proxy.once({ kind: 'cut-before' }, ({ method }) => method === 'HEAD');
    await assert.rejects(get(MANIFEST, proxy.url, 'HEAD'), { code: 'ECONNRESET' });
    assert.equal((await get(MANIFEST, proxy.url, 'HEAD')).status, 200);
  });

  it('answers 429 with Retry-After', async () => {
    void proxy.once({ kind: 'status', code: 429, retryAfterSeconds: 7 });
    const { status, headers } = await get(MANIFEST);
    assert.deepEqual([status, headers['retry-after']], [429, '7']);
  });

  it('refuses connections', async () => {
    proxy.refuse();
    await assert.rejects(get(MANIFEST), { code: 'ECONNREFUSED' });
  });
});

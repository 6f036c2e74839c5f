import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { forbiddenBy, includesHost, isDenied, registryOrigins } from '../../../src/registry/host.ts';
import { DEFAULT_REGISTRY_SETTINGS } from '../../../src/registry/settings.ts';

const hrefs = (host: string, insecure: readonly string[] = []) =>
  registryOrigins(host, { ...DEFAULT_REGISTRY_SETTINGS, insecure }).map(({ href }) => href);

describe('the origins of a registry', () => {
  for (const [host, expected] of [
    ['docker.io', ['https://registry-1.docker.io/']],
    ['ghcr.io', ['https://ghcr.io/']],
    ['registry.example.com:5000', ['https://registry.example.com:5000/']],
    ['[2001:db8::1]:5000', ['https://[2001:db8::1]:5000/']],
    ['my_registry.example', ['https://my_registry.example/']],
    ['300.1.1.1', []],
    ['a:99999', []],
    ['user@registry.example.com', []],
    ['registry.example.com/path', []],
  ] as const) {
    it(`${expected[0] === undefined ? 'are empty' : `include ${expected[0]}`} for ${host}`, () =>
      assert.deepEqual(hrefs(host), expected));
  }

  it('include plain HTTP after TLS if it is listed as insecure', () => {
    assert.deepEqual(hrefs('a.test:5000', ['A.test:5000']), ['https://a.test:5000/', 'http://a.test:5000/']);
    assert.deepEqual(hrefs('a.test:5000', ['a.test', 'b.test:5000']), ['https://a.test:5000/']);
    assert.equal(includesHost([], 'a'), false);
  });
});

describe('the lists of registries', () => {
  for (const [pattern, host, fits] of [
    ['ghcr.io', 'ghcr.io', true],
    ['GHCR.io', 'ghcr.io', true],
    ['ghcr.io', 'ghcr.io:5000', true],
    ['ghcr.io:5000', 'ghcr.io', false],
    ['ghcr.io:5000', 'ghcr.io:5000', true],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'a.b.example.com', false],
    ['*.example.com', 'example.com', false],
    ['*.dkr.ecr.*.amazonaws.com', '1.dkr.ecr.eu-west-1.amazonaws.com', true],
    ['eu-*-docker.pkg.dev', 'eu-west1-docker.pkg.dev', true],
    ['eu-*-docker.pkg.dev', 'us-west1-docker.pkg.dev', false],
    ['a*b*c', 'axbxbc', true],
    ['a*b*c', 'acb', false],
    ['a*a', 'a', false],
    ['*', 'localhost', true],
    ['[::1]', '[::1]:5000', true],
    ['ghcr.io:*', 'ghcr.io:5000', true],
    ['ghcr.io:*', 'ghcr.io', true],
  ] as const) {
    it(`${fits ? 'match' : 'do not match'} ${host} with ${pattern}`, () => {
      assert.equal(forbiddenBy(host, { allow: [], deny: [pattern] }), fits ? 'DenyList' : undefined);
      assert.equal(forbiddenBy(host, { allow: [pattern], deny: [] }), fits ? undefined : 'AllowList');
    });
  }

  it('forbid a host that is on both', () => {
    assert.equal(forbiddenBy('a.b', { allow: ['a.b'], deny: ['a.b'] }), 'DenyList');
    assert.equal(forbiddenBy('a.b', { allow: [], deny: [] }), undefined);
  });
});

describe('the deny list', () => {
  for (const [pattern, url, denied] of [
    ['auth.example', 'https://auth.example/token', true],
    ['auth.example', 'https://AUTH.example:8443/token', true],
    ['auth.example', 'https://auth.example./token', true],
    ['auth.example:443', 'https://auth.example/token', true],
    ['auth.example:443', 'http://auth.example/token', false],
    ['auth.example:80', 'http://auth.example/token', true],
    ['auth.example:8443', 'https://auth.example/token', false],
    ['*.example:*', 'https://auth.example:1/token', true],
    ['*.example', 'https://example/token', false],
    ['127.0.0.*', 'https://0x7f.1/token', true],
    ['docker.io', 'https://registry-1.docker.io/v2/', true],
    ['registry-1.docker.io', 'https://registry-1.docker.io/v2/', true],
    ['docker.io', 'https://auth.docker.io/token', false],
  ] as const) {
    it(`${denied ? 'includes' : 'does not include'} the host of ${url} with ${pattern}`, () => {
      assert.equal(isDenied(new URL(url), { deny: [pattern] }), denied);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkProxySettings, proxyFor, proxySettings } from '../../../src/registry/http/proxy.ts';

const httpsProxy = 'http://proxy:3128';

describe('the proxy', () => {
  for (const [noProxy, url, direct] of [
    ['', 'https://registry.example.com', false],
    ['*', 'https://registry.example.com', true],
    ['example.com', 'https://registry.example.com', true],
    ['example.com', 'https://example.com', true],
    ['example.com', 'https://badexample.com', false],
    ['.example.com', 'https://registry.example.com', true],
    ['.example.com', 'https://example.com', false],
    ['*.example.com', 'https://registry.example.com', true],
    ['*.example.com', 'https://example.com', false],
    ['EXAMPLE.com', 'https://REGISTRY.example.com', true],
    ['other, example.com ,', 'https://registry.example.com', true],
    ['example.com:443', 'https://example.com', true],
    ['example.com:443', 'https://example.com:5000', false],
    ['example.com:5000', 'https://example.com:5000', true],
    ['10.0.0.0/8', 'https://10.1.2.3:5000', true],
    ['10.0.0.0/8', 'https://11.1.2.3', false],
    ['10.0.0.0/8', 'https://registry.example.com', false],
    ['10.1.2.3', 'https://10.1.2.3', true],
    ['10.1.2.3:5000', 'https://10.1.2.3', false],
    ['1.2.3', 'https://10.1.2.3', false],
    ['fd00::/8', 'https://[fd00::1]', true],
    ['fd00::0001', 'https://[fd00::1]', true],
    ['[fd00::1]:443', 'https://[fd00::1]', true],
    ['[fd00::1]:5000', 'https://[fd00::1]', false],
    ['10.0.0.0/x,10.0.0.0/99,/,nonsense/8', 'https://10.0.0.1', false],
    ['10.0.0.0 /', 'https://11.1.2.3', false],
    ['10.0.0.0/', 'https://10.0.0.1', false],
    ['10.0.0.0/ 8', 'https://10.0.0.1', false],
    ['10.0.0.0/1e1', 'https://10.0.0.1', false],
    ['[10.0.0.1]:443', 'https://10.0.0.1', true],
    ['[fd00::1]', 'https://[fd00::1]', false],
    ['[fd00::]/8', 'https://[fd00::1]', false],
    ['fd00::1%eth0', 'https://[fd00::1]', false],
    ['::ffff:10.0.0.0/104', 'https://10.1.2.3', true],
    ['::ffff:10.0.0.1', 'https://10.0.0.1', true],
    ['10.0.0.0/8', 'https://[::ffff:10.1.2.3]', true],
    ['::/0', 'https://10.1.2.3', false],
    ['example.com:', 'https://example.com:5000', true],
    [':443', 'https://example.com', false],
    ['\u00a0example.com\u0085', 'https://example.com', true],
    ['b\u00fccher.example', 'https://xn--bcher-kva.example', true],
    ['b\u00fccher.example/', 'https://xn--bcher-kva.example', false],
    ['b\u00fccher.example/a', 'https://xn--bcher-kva.example', false],
    ['b\u00fc\tcher.example', 'https://xn--bcher-kva.example', false],
    ['', 'https://[::ffff:127.0.0.1]', true],
    ['', 'https://localhost:5000', true],
    ['', 'https://127.0.0.2', true],
    ['', 'https://[::1]:5000', true],
  ] as const) {
    it(`is ${direct ? 'bypassed' : 'used'} for ${url} with NO_PROXY ${JSON.stringify(noProxy)}`, () => {
      const proxy = proxyFor(new URL(url), { httpsProxy, noProxy });
      assert.equal(proxy?.href, direct ? undefined : 'http://proxy:3128/');
    });
  }

  it('is chosen by scheme', () => {
    const settings = { httpsProxy: 'https://secure:1', httpProxy: 'plain:2' };
    assert.equal(proxyFor(new URL('https://a.example'), settings)?.href, 'https://secure:1/');
    assert.equal(proxyFor(new URL('http://a.example'), settings)?.href, 'http://plain:2/');
    assert.equal(proxyFor(new URL('http://a.example'), { httpsProxy }), undefined);
  });

  it('is read from the environment, first in lower case, and ignored if it is empty', () => {
    assert.deepEqual(
      proxySettings({ HTTPS_PROXY: 'a', https_proxy: 'b', HTTP_PROXY: '', no_proxy: '', NO_PROXY: 'c' }),
      { httpsProxy: 'b', httpProxy: undefined, noProxy: 'c' },
    );
  });

  it('must be an HTTP proxy, and a message about it does not show its password', () => {
    checkProxySettings({ httpsProxy, httpProxy: 'https://proxy' });
    checkProxySettings({});
    for (const bad of ['socks5://user:canary@proxy', 'http://user:canary@:x']) {
      assert.throws(
        () => checkProxySettings({ httpsProxy: bad }),
        (error: Error) =>
          /expected http:\/\/host:port/.test(error.message) && !error.message.includes('canary'),
      );
    }
  });

  it('is chosen without an exception for any NO_PROXY', () => {
    fc.assert(
      fc.property(fc.string(), fc.webUrl(), (noProxy, url) => {
        proxyFor(new URL(url), { httpsProxy, httpProxy: httpsProxy, noProxy });
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { checkRegistry } from '../../../src/registry/check.ts';
import type { CheckContext } from '../../../src/registry/http/check-context.ts';
import { Lookups, type Resolver } from '../../../src/registry/http/lookups.ts';
import { DEFAULT_REGISTRY_SETTINGS } from '../../../src/registry/settings.ts';
import { turn, Works } from '../../support/work.ts';
import { answering, silent as silentServer } from './servers.ts';

const MINUTE = 60_000;
const CHECK = { credential: undefined, image: { host: 'registry.example', repository: 'app', tag: '1' } };
/** Replaces a name server that never answers. */
const silent: Resolver = () => new Promise(() => undefined);

function surroundings(
  stop: AbortSignal,
  changes: Partial<CheckContext['settings']> = {},
  resolver = silent,
): CheckContext {
  const settings = { ...DEFAULT_REGISTRY_SETTINGS, ...changes };
  return {
    settings,
    secureContext: undefined,
    stop,
    onRequest: () => undefined,
    onError: (error) => assert.fail(String(error)),
    lookups: new Lookups(settings, resolver),
  };
}

describe('a check of a registry', () => {
  it('leaves neither a listener nor a timer behind', async () => {
    await using server = await answering((_, response) => response.writeHead(404).end());
    const host = `127.0.0.1:${server.port}`;
    const { signal } = new AbortController();
    const around = surroundings(signal, { insecure: [host], localAddresses: ['127.0.0.1'] });
    const check = { ...CHECK, image: { ...CHECK.image, host } };
    const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    const checkAll = async (count: number) => {
      for (let index = 0; index < count; index += 1) await checkRegistry(check, around, 'a');
      return { listeners: getEventListeners(signal, 'abort').length, timers: timers() };
    };
    const [first, second] = [await checkAll(10), await checkAll(20)];
    assert.equal(first.listeners, 0);
    assert.equal(second.listeners, 0);
    assert.ok(second.timers <= first.timers, `${first.timers}, then ${second.timers} timers`);
  });

  it('ends at once when the controller stops, even while its name server does not answer', async () => {
    const stop = new AbortController();
    const around = surroundings(stop.signal, { requestTimeout: 10 * MINUTE, checkTimeout: 10 * MINUTE });
    const answer = checkRegistry(CHECK, around, 'a');
    setImmediate(() => stop.abort());
    assert.deepEqual(await answer, { result: 'Unreachable', why: 'Stopped', at: 'ping' });
  });

  it('opens no connection after it has ended', async () => {
    await using server = await silentServer();
    const host = `127.0.0.1:${server.port}`;
    const around = surroundings(AbortSignal.abort(), { insecure: [host], localAddresses: ['127.0.0.1'] });
    const check = { ...CHECK, image: { ...CHECK.image, host } };
    assert.deepEqual(await checkRegistry(check, around, 'a'), {
      result: 'Unreachable',
      why: 'Stopped',
      at: 'ping',
    });
    await delay(500);
    assert.equal(server.open(), 0);
  });

  it('times out while its name server does not answer', async () => {
    const { signal } = new AbortController();
    const answer = await checkRegistry(CHECK, surroundings(signal, { requestTimeout: 10 }), 'a');
    assert.deepEqual(answer, { result: 'Unreachable', why: 'Timeout', at: 'ping' });
  });

  it('ends with LookupDelayed if its DNS look-up waits for others of its namespace', async () => {
    const { signal } = new AbortController();
    const around = surroundings(signal, { requestTimeout: 10, concurrentLookups: 1 });
    around.lookups.find('a', 'other.silent.example');
    const answer = await checkRegistry(CHECK, around, 'a');
    assert.deepEqual(answer, { result: 'Unreachable', why: 'LookupDelayed', at: 'ping' });
  });

  it('ends with LookupDelayed if it times out after a DNS look-up of any of its requests waited', async () => {
    const { signal } = new AbortController();
    const requested = Promise.withResolvers<void>();
    await using server = await answering((request, response) => {
      if (request.url === '/v2/') response.writeHead(200).end();
      else requested.resolve();
    });
    const host = `registry.example:${server.port}`;
    const works = new Works();
    const settings = { insecure: [host], localAddresses: ['127.0.0.1'], checkTimeout: 500 };
    const around = surroundings(signal, { ...settings, requestTimeout: 10 * MINUTE }, (hostname) =>
      hostname === 'registry.example'
        ? Promise.resolve([{ address: '127.0.0.1', family: 4 }])
        : works.begin(hostname).then(() => []),
    );
    around.lookups.find('a', 'other.silent.example');
    const answer = checkRegistry({ ...CHECK, image: { ...CHECK.image, host } }, around, 'a');
    await turn();
    await works.end('other.silent.example');
    await requested.promise;
    assert.deepEqual(await answer, { result: 'Unreachable', why: 'LookupDelayed', at: 'manifest' });
  });
});

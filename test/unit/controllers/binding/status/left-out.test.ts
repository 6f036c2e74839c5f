/** ScheduledScans that a binding does not bind, although a user may expect it, and what it reports about them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { conditionOf } from '../../../../../src/api/index.ts';
import { connectTriggers } from '../../../../support/triggers.ts';
import { Namespace } from '../namespace.ts';

const IMAGE = 'reg.example/app:1';

function withBinding(): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  namespace.binding('app');
  return namespace;
}

function scansBound(namespace: Namespace) {
  const { status } = namespace.report('app');
  const { status: state, reason, message } = conditionOf(status, 'ScansBound') ?? {};
  return { condition: `${state} ${reason}`, message: message ?? '', scans: status.scans };
}

describe('a ScheduledScan without a readable image', () => {
  const mistakes: Readonly<Record<string, readonly string[]>> = {
    'a sub-command': ['image', IMAGE],
    'a flag and its value in one parameter': ['--severity HIGH,CRITICAL', IMAGE],
    'a scheme': [`docker-pullable://${IMAGE}`],
    quotes: [`"${IMAGE}"`],
    'a whole command line': [`${IMAGE} --severity HIGH`],
    'a broken tag': ['reg.example/app:1:2'],
    'upper case': ['reg.example/App:1'],
    'the image as the value of a flag': ['--format', IMAGE],
    'a flag that does not exist': [`--image=${IMAGE}`],
    'two flags that may take the image': ['--new', IMAGE, '--newer', 'reg.example/other'],
    'an archive': ['--input', 'app.tar', IMAGE],
    'a user and a password': ['https://me:secret@reg.example/app'],
  };
  for (const [mistake, parameters] of Object.entries(mistakes))
    it(`is reported by the binding whose repository its parameters mention: ${mistake}`, () => {
      const namespace = withBinding();
      namespace.scan('mistaken', { parameters });
      const { condition, message, scans } = scansBound(namespace);
      assert.equal(condition, 'True NoScans');
      assert.match(
        message,
        /not bound: mistaken \((has no readable image|scans no image from a registry): .+\)/,
      );
      const { unreadable, names, matched, bound, failing } = scans ?? {};
      assert.deepEqual(
        { unreadable, matched, bound, failing },
        { unreadable: 1, matched: 0, bound: 0, failing: 0 },
      );
      assert.ok(message.includes(names?.[0]?.reason ?? '?'));
      assert.doesNotMatch(message, /secret@|me:/);
    });

  it('is not reported by a binding of another image, or for another scan type or other labels', () => {
    const namespace = withBinding();
    namespace.binding('app', { spec: { scanSelector: { matchLabels: { team: 'a' } } } });
    const labels = { team: 'a' };
    namespace.scan('elsewhere', { parameters: ['image', 'reg.example/app-two'], labels });
    namespace.scan('longer', { parameters: ['image', 'reg.example/app/two'], labels });
    namespace.scan('type', { parameters: ['image', IMAGE], scanType: 'nmap', labels });
    namespace.scan('labels', { parameters: ['image', IMAGE] });
    const { message, scans } = scansBound(namespace);
    assert.doesNotMatch(message, /not bound/);
    assert.equal(scans?.unreadable, undefined);
  });

  it('is reported beside bound scans, in mode Observe, and for a previous repository', () => {
    const namespace = withBinding();
    namespace.scan('mistaken', { parameters: ['image', 'old.example/app:1'] });
    namespace.scan('good');
    namespace.binding('app', { spec: { replaces: ['old.example/app'] } });
    assert.match(scansBound(namespace).message, /^1 scan bound; not bound: mistaken \(/);
    namespace.binding('app', { spec: { replaces: ['old.example/app'], mode: 'Observe' } });
    assert.match(scansBound(namespace).message, /^would bind 1 scan; not bound: mistaken \(/);
  });

  it('is reported with others: all by name, and as many reasons as a readable message holds', () => {
    const namespace = withBinding();
    for (let index = 0; index < 25; index += 1)
      namespace.scan(`same-${index}`, { parameters: ['image', IMAGE] });
    assert.match(
      scansBound(namespace).message,
      /same-\d+ and 5 more \(has no readable image: [^)]*\("image", /,
    );
    for (let index = 0; index < 5; index += 1)
      namespace.scan(`other-${index}`, { parameters: [...Array(index).fill('--quiet'), `"${IMAGE}"`] });
    const { message, scans } = scansBound(namespace);
    assert.match(
      message,
      /not bound: other-0 \(.*\), other-1 \(.*\), other-2, other-3, other-4, same-0, same-1, .* and \d+ more \(see status\.scans\)$/,
    );
    assert.ok(message.length < 4_000, `${message.length} characters`);
    assert.deepEqual([scans?.unreadable, scans?.names?.length], [30, 20]);
  });

  it('does not change the message when it or another one runs', () => {
    const namespace = withBinding();
    const scans: Readonly<Record<string, readonly string[]>> = {
      c: ['image', IMAGE],
      a: [`"${IMAGE}"`],
      b: [`docker://${IMAGE}`],
      d: ['one', 'two', IMAGE],
      f: ['--username', 'me', IMAGE],
      e: ['--username', 'me', IMAGE],
    };
    const run = (name: string) => namespace.scan(name, { parameters: scans[name] ?? [] });
    for (const name of Object.keys(scans)) run(name);
    namespace.settle('app');
    const before = scansBound(namespace).message;
    assert.match(before, /^2 scans bound; e, f \(.*; not bound: a \(.*, b \(.*, /);
    for (const name of ['a', 'c', 'e']) {
      namespace.tamper(name, {});
      assert.equal(scansBound(namespace).message, before);
    }
  });

  it('is reported with several reasons if they are short, and Ready refers to a long message', () => {
    const namespace = withBinding();
    namespace.scan('good');
    namespace.scan('scheme', { parameters: [`docker://${IMAGE}`] });
    namespace.scan('quotes', { parameters: [`"${IMAGE}"`] });
    const ready = () => conditionOf(namespace.report('app').status, 'Ready')?.message;
    const { message } = scansBound(namespace);
    assert.match(message, /^1 scan bound; not bound: quotes \(.+\), scheme \(.+\)$/);
    assert.ok(ready()?.endsWith(`; ${message}`), ready());
    for (let index = 0; index < 20; index += 1)
      namespace.scan(`command-${index}`, { parameters: ['image', IMAGE] });
    assert.match(
      scansBound(namespace).message,
      /^1 scan bound; not bound: command-0, .*\), quotes, scheme \(see status\.scans\)$/,
    );
    assert.match(ready() ?? '', /fits reg\.example; 1 scan bound; see the condition ScansBound$/);
  });

  it('is unbound if it was bound before, and then reported', () => {
    const namespace = withBinding();
    namespace.scan('scan');
    namespace.settle('app');
    namespace.tamper('scan', { parameters: [`docker://${IMAGE}`] });
    namespace.settle('app');
    assert.equal(namespace.stores.scheduledScans.get('ns/scan')?.bound, undefined);
    assert.match(scansBound(namespace).message, /not bound: scan \(.*scheme docker:/);
  });

  it('enqueues the binding when it appears, changes and disappears', async () => {
    const namespace = withBinding();
    namespace.binding('other', { spec: { image: 'reg.example/other' } });
    const added = new Set<string>();
    const queue = { add: (key: string) => void added.add(key) };
    connectTriggers(namespace.stores, {
      bindings: queue,
      trivySecrets: queue,
      runs: queue,
      sourceSecrets: queue,
    });
    const steps: readonly (() => void)[] = [
      () => namespace.scan('scan', { parameters: ['image', IMAGE] }),
      () => namespace.scan('scan', { parameters: [`"${IMAGE}"`] }),
      () => namespace.scan('scan', { parameters: ['elsewhere.example/app'] }),
      () => namespace.scan('scan', { parameters: ['image', IMAGE] }),
      () => namespace.remove('scheduledScans', 'scan'),
    ];
    for (const step of steps) {
      added.clear();
      step();
      await turn();
      assert.deepEqual(
        [...added].filter((key) => key === 'ns/app' || key === 'ns/other'),
        ['ns/app'],
      );
    }
  });

  it('costs the binding nothing if it mentions another image', () => {
    const read = (count: number) => {
      const namespace = withBinding();
      for (let index = 0; index < count; index += 1)
        namespace.scan(`scan-${index}`, { parameters: ['image', `reg.example/app-${index}`] });
      let found = 0;
      const { scheduledScans } = namespace.stores;
      const byIndex = scheduledScans.byIndex.bind(scheduledScans);
      scheduledScans.byIndex = (index, value) => {
        const list = byIndex(index, value);
        found += list.length;
        return list;
      };
      namespace.resolveAlone('app');
      return found;
    };
    assert.deepEqual([read(10), read(1_000)], [0, 0]);
  });
});

describe('a ScheduledScan of another scan type', () => {
  it('is reported if the binding has no scans, with the setting to change', () => {
    const namespace = withBinding();
    namespace.scan('custom', { scanType: 'my-trivy-image' });
    const { condition, message } = scansBound(namespace);
    assert.equal(condition, 'True NoScans');
    assert.match(
      message,
      /not bound: custom \(its scan type "my-trivy-image" is not one .*config\.scanTypes/,
    );
    namespace.scan('good');
    assert.doesNotMatch(scansBound(namespace).message, /custom/);
  });
});

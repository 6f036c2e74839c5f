import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MOST_RIVALS } from '../../../../src/policy/rivals.ts';
import { connectTriggers } from '../../../support/triggers.ts';
import { condition, Namespace } from './namespace.ts';

/** Collects the bindings that are enqueued from now on, without their namespace. */
function enqueued(namespace: Namespace): Set<string> {
  const keys = new Set<string>();
  const ignoring = { add: () => undefined };
  const bindings = { add: (key: string) => void keys.add(key.replace('ns/', '')) };
  const others = { trivySecrets: ignoring, runs: ignoring, sourceSecrets: ignoring };
  connectTriggers(namespace.stores, { bindings, ...others });
  return keys;
}

/** A creation time, later for a higher number. */
function created(index: number): string {
  return new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString();
}

/** A binding that needs no credential and migrates scans. */
function migrating(namespace: Namespace, name: string, image: string, replaces: readonly string[]): void {
  namespace.binding(name, {
    createdAt: created(namespace.stores.bindings.size),
    spec: {
      image: `reg.example/${image}`,
      replaces: replaces.map((previous) => `reg.example/${previous}`),
      imagePullSecrets: [],
      verification: 'Required',
    },
  });
}

/** Two bindings of one scan. The second waits for the selection of the first. */
function secondWaitsForFirst(): { namespace: Namespace; keys: Set<string> } {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  namespace.scan('scan');
  namespace.binding('first', { createdAt: created(0) });
  namespace.binding('second', { createdAt: created(1) });
  const keys = enqueued(namespace);
  assert.equal(namespace.begin('second'), true);
  return { namespace, keys };
}

describe('a binding that waits for the selection of another one', () => {
  it('is enqueued when that selection is known, even if the scan that it has bound has another image by then', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('previous');
    namespace.scan('scan');
    namespace.settle('previous');
    namespace.tamper('scan', { parameters: ['reg.example/other:1'] });
    namespace.binding('effective', { spec: { image: 'reg.example/other', verification: 'Required' } });
    const keys = enqueued(namespace);
    assert.equal(namespace.begin('previous'), true);
    keys.clear();
    assert.equal(namespace.begin('effective'), false);
    assert.deepEqual([...keys], ['previous']);
    assert.equal(namespace.begin('previous'), false);
  });

  it('is enqueued when the other one is deleted', () => {
    const { namespace, keys } = secondWaitsForFirst();
    namespace.remove('bindings', 'first');
    assert.ok(keys.has('second'));
    assert.equal(namespace.begin('second'), false);
  });

  it('is enqueued when the reconcile of the other one fails', () => {
    const { namespace, keys } = secondWaitsForFirst();
    const first = namespace.stores.bindings.get('ns/first');
    assert.ok(first !== undefined);
    namespace.stores.selections.setFailed(first);
    assert.ok(keys.has('second'));
    assert.equal(namespace.begin('second'), false);
  });

  it('is enqueued even if it is beyond the limit on rivals', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.scan('scan');
    for (let index = 0; index <= MOST_RIVALS + 5; index += 1)
      namespace.binding(`b${index}`, { createdAt: created(index) });
    const last = `b${MOST_RIVALS + 5}`;
    const keys = enqueued(namespace);
    assert.equal(namespace.begin(last), true);
    namespace.begin('b0');
    assert.ok(keys.has(last));
    assert.equal(condition(namespace.report(last).status, 'Ready'), 'False TooManyBindings');
  });
});

describe('a binding beyond the limit on rivals', () => {
  it('is enqueued when it comes within the limit, even if no scan names the image', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    for (let index = 0; index <= MOST_RIVALS; index += 1)
      namespace.binding(`b${index}`, { createdAt: created(index) });
    const last = `b${MOST_RIVALS}`;
    assert.equal(condition(namespace.report(last).status, 'Ready'), 'False TooManyBindings');
    const keys = enqueued(namespace);
    namespace.remove('bindings', 'b0');
    assert.ok(keys.has(last));
    assert.equal(condition(namespace.report(last).status, 'Ready'), 'True Ready');
  });
});

describe('a cycle of bindings', () => {
  it('is broken for all of them, even if the deleted binding was part of two cycles', () => {
    const namespace = new Namespace();
    migrating(namespace, 'a', 'a', ['b', 'd']);
    migrating(namespace, 'b', 'b', ['a']);
    migrating(namespace, 'c', 'c', ['a']);
    migrating(namespace, 'd', 'd', ['c']);
    const keys = enqueued(namespace);
    namespace.remove('bindings', 'a');
    for (const name of ['b', 'c', 'd']) assert.ok(keys.has(name), name);
  });

  it('that stops a binding from migrating a scan enqueues the next rival', async () => {
    const namespace = new Namespace();
    migrating(namespace, 'x', 'p', ['q', 's']);
    migrating(namespace, 'y', 'r', ['s']);
    namespace.scan('scan', { image: 'reg.example/s:2' });
    for (const name of ['x', 'y']) namespace.begin(name);
    assert.deepEqual(namespace.resolveAlone('y').scans[0]?.role, { role: 'Yields', to: 'x', isFirst: false });
    const keys = enqueued(namespace);
    migrating(namespace, 'closing', 'q', ['p']);
    assert.ok(keys.has('x'));
    keys.clear();
    namespace.begin('x');
    await turn();
    assert.ok(keys.has('y'));
    assert.deepEqual(namespace.resolveAlone('y').scans[0]?.role, { role: 'Effective' });
  });
});

describe('a scan whose effective binding is deleted', () => {
  it('enqueues the binding to which it is bound, even if that has another image', async () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('previous');
    namespace.scan('scan');
    namespace.settle('previous');
    namespace.tamper('scan', { parameters: ['reg.example/other:1'] });
    namespace.binding('effective', { spec: { image: 'reg.example/other' } });
    const keys = enqueued(namespace);
    namespace.remove('bindings', 'effective');
    await turn();
    assert.ok(keys.has('previous'));
  });
});

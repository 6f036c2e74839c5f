import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Priority, RequestSlots } from '../../../src/concurrency/request-slots.ts';

/** Slots that are all taken, and the order in which those who wait get one. */
async function takenSlots(size: number) {
  const slots = new RequestSlots(size);
  for (let index = 0; index < size; index += 1) await slots.acquire('normal');
  const begun: string[] = [];
  const ask = (name: string, priority: Priority, signal?: AbortSignal) =>
    slots.acquire(priority, signal).then(() => begun.push(name));
  return { slots, begun, ask };
}

describe('RequestSlots', () => {
  it('gives room in the order of coming, and to the background only where nobody else waits', async () => {
    const { slots, begun, ask } = await takenSlots(2);
    const asked = [
      ask('status', 'background'),
      ask('secret', 'normal'),
      ask('event', 'background'),
      ask('scan', 'normal'),
    ];
    for (const _ of asked) slots.release();
    await Promise.all(asked);
    assert.deepEqual(begun, ['secret', 'scan', 'status', 'event']);
  });

  it('gives no more room than there is', async () => {
    const { slots, begun, ask } = await takenSlots(1);
    const asked = [ask('a', 'normal'), ask('b', 'normal')];
    slots.release();
    await asked[0];
    assert.deepEqual(begun, ['a']);
    slots.release();
    await asked[1];
    slots.release();
    await slots.acquire('background');
  });

  it('lets go of those who give up, and of no room', async () => {
    const { slots, begun, ask } = await takenSlots(1);
    const leaving = new AbortController();
    const left = ask('left', 'normal', leaving.signal);
    const stays = ask('stays', 'normal');
    leaving.abort(new Error('gave up'));
    await assert.rejects(left, /gave up/);
    await assert.rejects(ask('late', 'normal', leaving.signal), /gave up/);
    slots.release();
    await stays;
    assert.deepEqual(begun, ['stays']);
  });

  it('gives every fourth place to a background request, however many others wait', async () => {
    const slots = new RequestSlots(1);
    await slots.acquire('normal');
    const begun: string[] = [];
    const waiting = [
      ...Array.from({ length: 12 }, (_, index) => ({ name: `n${index}`, priority: 'normal' as const })),
      ...Array.from({ length: 2 }, (_, index) => ({ name: `b${index}`, priority: 'background' as const })),
    ].map(async ({ name, priority }) => {
      await slots.acquire(priority);
      begun.push(name);
      slots.release();
    });
    slots.release();
    await Promise.all(waiting);
    assert.deepEqual(begun.slice(0, 8), ['n0', 'n1', 'n2', 'b0', 'n3', 'n4', 'n5', 'b1']);
  });
});

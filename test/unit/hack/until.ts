import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a condition, and fails when it has not come true after a while. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  seconds = 20,
): Promise<void> {
  const deadline = Date.now() + seconds * 1_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited ${seconds} s for: ${what}`);
    await delay(20);
  }
}

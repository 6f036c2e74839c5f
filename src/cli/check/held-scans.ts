import type { KubeClient } from '../../kube/index.ts';
import { type KubeObject, keyOf, SCANS, type Stored } from '../../object/index.ts';
import { type RawScan, readAdmittedRun } from '../../scan/index.ts';
import { type CommandScope, listAll } from '../cluster/index.ts';
import { type Item, missing, seen, seenValue, someOf } from './item.ts';

/** A hold ends within this time, in milliseconds. */
const LONGEST_HOLD_MS = 60_000;

/** The Scans that the controller should have resumed by now. Empty: there are none, or the user may not list Scans. */
export async function heldScanItems(
  client: KubeClient,
  scope: CommandScope,
  now: number,
): Promise<readonly Item[]> {
  const listed = await seen(listAll(client, SCANS, { scope }, (object) => heldTooLong(object, now)));
  const [first, ...others] = seenValue(listed) ?? [];
  if (first === undefined) return [];
  const names = someOf([first, ...others].map(keyOf));
  return [
    missing(
      'held Scans',
      `the controller has suspended Scans for longer than a minute: ${names}`,
      `start a controller with the admission webhook, or resume each one: kubectl patch scan ${first.name} --namespace ` +
        `${first.namespace} --type merge --patch '{"spec":{"suspend":false}}'`,
    ),
  ];
}

function heldTooLong(object: KubeObject, now: number): Stored | undefined {
  // The CRD has checked the shape.
  const scan = object as RawScan;
  const run = readAdmittedRun(scan);
  const isHeld = run?.admission?.hold === 'Held' && run.createdAt + LONGEST_HOLD_MS < now;
  return isHeld ? run : undefined;
}

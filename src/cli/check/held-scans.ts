import type { KubeClient } from '../../kube/index.ts';
import { type KubeObject, keyOf, SCANS, type Stored } from '../../object/index.ts';
import { type Hold, type RawScan, readAdmittedRun } from '../../scan/index.ts';
import { type CommandScope, listAll } from '../cluster/index.ts';
import { type Item, missing, seen, seenValue, someOf } from './item.ts';

/** A hold ends within this time, in milliseconds: a minute, and a minute more than ten for a Scan that gets a Secret of its own. */
const LONGEST_HOLDS_MS: ReadonlyMap<Hold, number> = new Map([
  ['Held', 60_000],
  ['AwaitsSecret', 660_000],
]);

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
      `the controller has suspended Scans for longer than it should: ${names}`,
      `start a controller with the admission webhook, or resume each one: kubectl patch scan ${first.name} --namespace ` +
        `${first.namespace} --type merge --patch '{"spec":{"suspend":false}}'`,
    ),
  ];
}

function heldTooLong(object: KubeObject, now: number): Stored | undefined {
  // The CRD has checked the shape.
  const scan = object as RawScan;
  const run = readAdmittedRun(scan);
  const limit = LONGEST_HOLDS_MS.get(run?.admission?.hold ?? 'None');
  return run !== undefined && limit !== undefined && run.createdAt + limit < now ? run : undefined;
}

import { readinessOf } from '../../../api/index.ts';
import type { Binding } from '../../../binding/index.ts';
import { keyOf } from '../../../object/index.ts';
import { isTrivySecretName, type TrivySecret } from '../../../secret/index.ts';
import { compareText } from '../../../text/index.ts';

/** Limit per namespace, so that one namespace cannot flood the metrics or crowd out another namespace. */
const MOST_NAMED = 20;

/** The number of bindings with this status and reason of the condition Ready. */
interface ReadinessCount {
  readonly ready: string;
  readonly reason: string;
  readonly count: number;
}

interface NotReady {
  readonly namespace: string;
  readonly name: string;
  readonly reason: string;
}

interface CredentialExpiration {
  readonly namespace: string;
  /** Name of the Secret that the credential is from. */
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface UnboundScans {
  readonly namespace: string;
  readonly name: string;
  readonly scans: number;
}

/** Counts all bindings by status and reason of the condition Ready. */
export function countByReadiness(bindings: Iterable<Binding>): readonly ReadinessCount[] {
  const counts = new Map<string, ReadinessCount>();
  for (const { status, generation } of bindings) {
    const { status: ready, reason } = readinessOf(status, generation);
    const key = `${ready} ${reason}`;
    counts.set(key, { ready, reason, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** The bindings that are not ready: the first 20 of each namespace, by name. */
export function notReady(bindings: Iterable<Binding>): readonly NotReady[] {
  const found: NotReady[] = [];
  for (const { namespace, name, status, generation } of bindings) {
    const { status: ready, reason } = readinessOf(status, generation);
    if (ready !== 'True') found.push({ namespace, name, reason });
  }
  return firstOfEach(found, (one, other) => (one.name < other.name ? -1 : 1));
}

/** The bindings that report Scans which started unbound: the 20 of each namespace that report the most. */
export function withUnboundScans(bindings: Iterable<Binding>): readonly UnboundScans[] {
  const found: UnboundScans[] = [];
  for (const { namespace, name, status } of bindings)
    if (status?.unboundScans !== undefined) found.push({ namespace, name, scans: status.unboundScans.count });
  return firstOfEach(found, (one, other) => other.scans - one.scans || compareText(one.name, other.name));
}

/**
 * When the credentials that bindings have chosen expire. Omits credentials without a known expiration. Lists each Secret
 * once, with its earliest expiration. For each namespace, lists the 20 Secrets that expire first.
 */
export function credentialExpirations(bindings: Iterable<Binding>): readonly CredentialExpiration[] {
  const bySecret = new Map<string, CredentialExpiration>();
  for (const { namespace, status } of bindings) {
    const { secret, expirationTime } = status?.credential ?? {};
    if (secret === undefined || expirationTime === undefined) continue;
    const key = keyOf({ namespace, name: secret.name });
    const expiresAt = Math.min(
      Date.parse(expirationTime),
      bySecret.get(key)?.expiresAt ?? Number.POSITIVE_INFINITY,
    );
    bySecret.set(key, { namespace, secret: secret.name, expiresAt });
  }
  return firstOfEach([...bySecret.values()], (one, other) => one.expiresAt - other.expiresAt);
}

/** Counts the Secrets that exist for one Scan each. */
export function countTemporary(secrets: Iterable<TrivySecret>): number {
  let count = 0;
  for (const { temporary } of secrets) if (temporary !== undefined) count += 1;
  return count;
}

/** Counts the Secrets that the controller has created. A user may have put its label on others. */
export function countOwn(secrets: Iterable<TrivySecret>): number {
  let count = 0;
  for (const { name } of secrets) if (isTrivySecretName(name)) count += 1;
  return count;
}

/** The first {@link MOST_NAMED} items of each namespace, in this order. */
function firstOfEach<Item extends { readonly namespace: string }>(
  items: readonly Item[],
  order: (one: Item, other: Item) => number,
): readonly Item[] {
  const groups = Map.groupBy(items, ({ namespace }) => namespace);
  return [...groups.values()].flatMap((group) => group.toSorted(order).slice(0, MOST_NAMED));
}

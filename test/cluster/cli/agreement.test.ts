import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import fc from 'fast-check';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import { readCluster } from '../../../src/cli/explain/cluster.ts';
import { type Explained, explain } from '../../../src/cli/explain/explanation.ts';
import { predict } from '../../../src/cli/explain/predicted.ts';
import { readFiles } from '../../../src/cli/inventory/files/files.ts';
import type { Inventory } from '../../../src/cli/inventory/inventory.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import type { Resource } from '../../../src/object/object.ts';
import { NAMESPACES } from '../../../src/object/resources.ts';
import type { RawScheduledScan } from '../../../src/scan/scheduled-scan.ts';
import { amount } from '../../support/amount.ts';
import { CertificateFolder, startAdmitting } from '../../support/cluster/admission.ts';
import { type Binding, Cluster, SCHEDULED_SCANS, SECRETS } from '../../support/cluster/cluster.ts';
import { Files } from '../../support/explain.ts';
import { seed } from '../../support/seed.ts';
import { until } from '../../support/until.ts';
import { type World, type WorldObject, worlds } from './worlds.ts';

const WORLDS = amount(40, 600);
const AT_ONCE = 8;
const SECONDS = 120;
const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' };
const LONGEST_NOTE = 1024;
/** Reasons of Ready that cause no Event. */
const TRANSIENT: ReadonlySet<string> = new Set(['Waiting', 'Verifying']);

type Conditions = readonly { type: string; status: string; reason: string; message: string }[];

/** A world in its own namespace, and what `explain` says about it without a cluster. */
interface Placed {
  readonly namespace: string;
  readonly world: World;
  readonly inventory: Inventory;
}

describe('explain and the controller, for the same objects', () => {
  let cluster: Cluster;
  let placed: readonly Placed[];
  /** By namespace and name: every reason and message of Ready that a binding has had. */
  const readySeen = new Map<string, Set<string>>();
  const abort = new AbortController();
  let watching: Promise<void>;

  before(async () => {
    cluster = await Cluster.start({ auditLog: false });
    const samples = fc.sample(worlds, { numRuns: WORLDS, seed });
    watching = recordReady(cluster, readySeen, abort.signal);
    watching.catch(() => undefined);
    // The controller finds the first half when it starts. The others are created while it runs.
    const half = Math.ceil(samples.length / 2);
    const first = await place(cluster, samples.slice(0, half), 0);
    // The delivery Temporary needs the webhook. No registry is contacted, so that each check has the answer NotAllowed.
    const certificates = await CertificateFolder.create(cluster, 'certificates');
    await certificates.renew();
    await startAdmitting(cluster, certificates, { flags: ['--allowed-registries', 'none.example'] });
    placed = [...first, ...(await place(cluster, samples.slice(half), half))];
  });
  after(async () => {
    abort.abort();
    await watching?.catch(() => undefined);
    await cluster?.[Symbol.asyncDispose]();
  });

  it('they agree on the conditions of every binding and on the effective binding of every ScheduledScan', async () => {
    let differences: readonly string[] = [];
    const agree = async () => {
      differences = await differencesIn(cluster, placed);
      return differences.length === 0;
    };
    await until(agree, 'explain and the controller to agree', SECONDS).catch(() => undefined);
    assert.deepEqual(differences, [], `seed ${seed}`);
  });

  it('the Events about a binding repeat a condition Ready that it has had, and the last one its reason', async () => {
    for (const { namespace, world } of placed) {
      const { items } = await cluster.client.list(EVENTS, { namespace });
      const events = items as unknown as readonly RecordedEvent[];
      for (const { metadata } of world.bindings) {
        const key = `${namespace}/${metadata.name}`;
        const ofBinding = events.filter(
          ({ regarding, action }) => regarding.name === metadata.name && action === 'Reconcile',
        );
        checkEvents(ofBinding, [...(readySeen.get(key) ?? [])], `seed ${seed}, ${key}`);
      }
    }
  });

  it('explain in the cluster finds the same credentials, and exits in the same way', async () => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.controlPlane.kubeconfig);
    await eachOf(placed, async ({ namespace, world }) => {
      const inventory = await readCluster(config, namespace);
      for (const image of imagesIn(world))
        checkLive(image, inventory, `seed ${seed}, ${namespace}, ${image}`);
    });
  });
});

/** @param seen - the reasons and messages of Ready, the current one last */
function checkEvents(events: readonly RecordedEvent[], seen: readonly string[], where: string): void {
  const inOrder = events.toSorted((one, other) => (one.eventTime < other.eventTime ? -1 : 1));
  for (const { reason, note } of inOrder)
    assert.ok(seen.includes(`${reason} ${note}`), `${where}: ${reason} ${note}\n${seen.join('\n')}`);
  const current = seen.at(-1)?.split(' ', 1)[0] ?? '';
  if (!TRANSIENT.has(current)) assert.equal(inOrder.at(-1)?.reason, current, where);
}

function checkLive(image: string, inventory: Inventory, where: string): void {
  const live = explained(image, inventory);
  const status = inventory.bindings.find(({ name }) => name === live.explanation.binding)?.status;
  if (status === undefined) return;
  const entries = (list: readonly { secret: string; registryKey?: string }[] = []) =>
    list.flatMap(({ secret, registryKey }) =>
      registryKey === undefined ? [] : [`${secret} ${registryKey}`],
    );
  assert.deepEqual(entries(live.explanation.candidates), entries(status.candidates), where);
  const conditionOf = (type: string) => status.conditions?.find((condition) => condition.type === type);
  const isLimited = /^Replaces|^TooMany/.test(conditionOf('Ready')?.reason ?? '');
  const isExpired = conditionOf('CredentialVerified')?.reason === 'Expired';
  const isResolved = conditionOf('CredentialResolved')?.status === 'True' && !isLimited && !isExpired;
  assert.equal(live.isResolved, isResolved, where);
}

interface RecordedEvent {
  readonly regarding: { readonly name: string };
  readonly action: string;
  readonly reason: string;
  readonly note: string;
  readonly eventTime: string;
}

/** Follows all bindings until it is aborted. The API server may refuse a watch of a new CRD at first. */
async function recordReady(
  { client }: Cluster,
  seen: Map<string, Set<string>>,
  signal: AbortSignal,
): Promise<void> {
  const start = { resourceVersion: undefined, timeoutSeconds: 600 };
  while (!signal.aborted) {
    try {
      for await (const { object } of client.watch(imageCredentialBindings, {}, start, signal))
        noteReady(object as Binding, seen);
    } catch (error) {
      if (!(error instanceof KubeError) && !signal.aborted) throw error;
    }
  }
}

/** The last reason and message in a set are the current ones. */
function noteReady({ metadata, status }: Binding, seen: Map<string, Set<string>>): void {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined) return;
  const key = `${metadata.namespace}/${metadata.name}`;
  const states = seen.get(key) ?? new Set();
  seen.set(key, states);
  const state = `${ready.reason} ${Buffer.from(ready.message).subarray(0, LONGEST_NOTE)}`;
  states.delete(state);
  states.add(state);
}

async function place(cluster: Cluster, samples: readonly World[], from: number): Promise<readonly Placed[]> {
  const places = samples.map((world, index) => ({ world, namespace: `world-${from + index}` }));
  const found: Placed[] = [];
  await eachOf(places, async ({ world, namespace }) => {
    await cluster.client.create(NAMESPACES, {
      ...{ apiVersion: 'v1', kind: 'Namespace' },
      metadata: { name: namespace },
    } as never);
    const kinds = [
      [SECRETS, world.secrets],
      [SCHEDULED_SCANS, world.scans],
      [imageCredentialBindings, world.bindings],
    ] as const;
    for (const [resource, objects] of kinds)
      for (const object of objects)
        await cluster.client.create(resource, { ...object, metadata: { ...object.metadata, namespace } });
    found.push({ world, namespace, inventory: await inventoryOf(world) });
  });
  return found;
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function inventoryOf({ secrets, scans, bindings }: World): Promise<Inventory> {
  using files = new Files();
  const items: readonly WorldObject[] = [...bindings, ...scans, ...secrets];
  const [, file = ''] = files.write('world.json', { apiVersion: 'v1', kind: 'List', items });
  const inventory = await readFiles([file], undefined);
  assert.deepEqual([inventory.refused, inventory.remarks], [[], []]);
  return inventory;
}

function imagesIn({ scans, bindings }: World): readonly string[] {
  const ofScans = scans.map(
    (scan) => (scan as unknown as RawScheduledScan).spec.scanSpec.parameters.at(-1) ?? '',
  );
  return [...new Set([...bindings.map(({ spec }) => spec.image), ...ofScans])];
}

function explained(text: string, inventory: Inventory): Explained {
  return explain({ text, image: parseImageReference(text) }, inventory);
}

/** One text for each difference between `explain` and the controller. */
async function differencesIn({ client }: Cluster, placed: readonly Placed[]): Promise<readonly string[]> {
  const bindings = await listByNamespace<Binding>(client, imageCredentialBindings);
  const scans = await listByNamespace<RawScheduledScan>(client, SCHEDULED_SCANS);
  return placed.flatMap((one) => {
    const found = bindings.get(one.namespace) ?? [];
    const ofConditions = found.flatMap((binding) => conditionDifferences(binding, one));
    return [...ofConditions, ...scanDifferences(found, scans.get(one.namespace) ?? [], one)];
  });
}

async function listByNamespace<T extends { readonly metadata: { readonly namespace?: string } }>(
  client: Cluster['client'],
  resource: Resource,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const found: T[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(resource, {}, next);
    found.push(...(page.items as unknown as T[]));
    next = page.next;
  } while (next !== undefined);
  return Map.groupBy(found, ({ metadata }) => metadata.namespace ?? '');
}

function conditionDifferences(binding: Binding, { namespace, inventory }: Placed): readonly string[] {
  const read = inventory.bindings.find(({ name }) => name === binding.metadata.name);
  if (read?.validity !== 'Valid') return [`${namespace}/${binding.metadata.name} was not read`];
  const { verification } = binding.spec;
  const ours = comparable(predict(read, inventory)?.conditions ?? [], verification);
  const current = (binding.status?.conditions ?? []).filter(
    ({ observedGeneration }) => observedGeneration === binding.metadata.generation,
  );
  const theirs = comparable(current, verification);
  return ours === theirs
    ? []
    : [`${namespace}/${read.name} (${verification}):\n  explain    ${ours}\n  controller ${theirs}`];
}

/**
 * The conditions as text. The answers of a registry are unknown to `explain`. So without `Never`, only what does not depend
 * on them is compared.
 */
function comparable(conditions: Conditions, verification: string | undefined): string {
  const compared = {
    Never: () => true,
    Preferred: (type: string) => type === 'CredentialResolved' || type === 'ScansBound',
    Required: (type: string) => type === 'CredentialResolved',
  }[verification ?? ''];
  return conditions
    .filter(({ type }) => compared?.(type))
    .map(({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`)
    .toSorted()
    .join('\n             ');
}

function scanDifferences(
  bindings: readonly Binding[],
  scans: readonly RawScheduledScan[],
  { namespace, world, inventory }: Placed,
): readonly string[] {
  const shown = new Map(
    imagesIn(world)
      .flatMap((image) => explained(image, inventory).scans)
      .map((scan) => [scan.name, scan]),
  );
  return scans.flatMap((scan) => {
    const { name, annotations = {} } = scan.metadata;
    const one = shown.get(name);
    if (one === undefined) return [];
    const theirs = annotations['credentials.securecodebox.io/binding'] ?? effectiveInStatus(name, bindings);
    const ours = [one.effectiveBinding, ...bindingsAfterMigration(scan, world, inventory)];
    const unreadable = bindings
      .flatMap(reasonsIn)
      .find((each) => each.name === name && UNREADABLE.test(each.reason));
    return [
      ...(ours.includes(theirs)
        ? []
        : [`${namespace}/${name}: effective for explain ${ours}, for the controller ${theirs}`]),
      ...(unreadable === undefined || unreadable.reason === one.problem
        ? []
        : [`${namespace}/${name}: for explain ${one.problem}, for the controller ${unreadable.reason}`]),
    ];
  });
}

/** The bindings that may be effective for the new image of a scan, if the controller has migrated it. */
function bindingsAfterMigration(
  { metadata, spec }: RawScheduledScan,
  { scans }: World,
  inventory: Inventory,
): readonly string[] {
  const before = scans.find(
    ({ metadata: { name } }) => name === metadata.name,
  ) as unknown as RawScheduledScan;
  const image = spec.scanSpec.parameters.at(-1) ?? '';
  if (before.spec.scanSpec.parameters.at(-1) === image) return [];
  const { binding, otherBindings } = explained(image, inventory).explanation;
  return [...(binding === null ? [] : [binding]), ...otherBindings.map(({ name }) => name)];
}

/** Reasons in the status of a binding that is not effective for the scan. */
const NOT_EFFECTIVE = /^the effective binding is|^would be bound in mode/;
/** Reasons in the status of every binding whose image a scan without a readable image mentions. */
const UNREADABLE = /^has no readable image|^scans no image from a registry/;

/** The effective binding of an unbound scan: the one that reports why the scan is not bound. */
function effectiveInStatus(scan: string, bindings: readonly Binding[]): string | undefined {
  const isReporting = (binding: Binding) =>
    reasonsIn(binding).some(
      ({ name, reason }) => name === scan && !NOT_EFFECTIVE.test(reason) && !UNREADABLE.test(reason),
    );
  return bindings.find(isReporting)?.metadata.name;
}

function reasonsIn({ status }: Binding): readonly { readonly name: string; readonly reason: string }[] {
  return (status?.scans?.names ?? []).map(({ name, reason = '' }) => ({ name, reason }));
}

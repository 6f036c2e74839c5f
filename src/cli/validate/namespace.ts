import type { Delivery } from '../../api/index.ts';
import {
  type Inventory,
  isRelevant,
  type Manifest,
  type ObjectFault,
  readObjects,
  withDelivery,
} from '../inventory/index.ts';
import type { Severity } from './finding.ts';
import { generatedSecret, isEncrypted } from './generated-secrets.ts';

/** The objects of one namespace, and what is known about them. */
export interface Namespace {
  /** undefined: the files do not name it. */
  readonly name: string | undefined;
  readonly inventory: Inventory;
  readonly faults: readonly ObjectFault[];
  /** Names of the Secrets among {@link faults}. */
  readonly refusedSecrets: ReadonlySet<string>;
  /** By name of a Secret that is not in the files: what creates it. */
  readonly generated: ReadonlyMap<string, string>;
  /** The other namespaces that have a Secret of this name; empty text: objects without a namespace. */
  readonly elsewhere: (secret: string) => readonly string[];
  /** The severity of Secrets that are not in the files; undefined: it depends on whether another name may be meant. */
  readonly missingSecrets: Severity | undefined;
  /** By kind and name: the object that counts, which is the last one. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** Objects that a later one of the same kind and name replaces. */
  readonly replaced: readonly { readonly manifest: Manifest; readonly by: Manifest }[];
}

/** What the user asked for. */
export interface Settings {
  /** Namespace of the objects that name none; undefined: the only namespace that other objects name. */
  readonly namespace: string | undefined;
  readonly missingSecrets: Severity | undefined;
  /** How scans get the credential of a binding whose spec does not say so; undefined: as for {@link withDelivery}. */
  readonly delivery: Delivery | undefined;
}

/** The namespaces of the objects that are validated, in the order of the files. Each one is read on its own. */
export function namespacesOf(
  manifests: readonly Manifest[],
  { namespace, missingSecrets, delivery }: Settings,
): readonly Namespace[] {
  const used = manifests.filter(
    (manifest) => isRelevant(manifest) || generatedSecret(manifest) !== undefined,
  );
  const named = new Set(used.flatMap(({ metadata }) => metadata.namespace ?? []));
  const [only] = named.size === 1 ? named : [];
  const unnamed = namespace ?? only ?? '';
  const groups = Map.groupBy(used, ({ metadata }) => metadata.namespace ?? unnamed);
  const placesOf = secretPlaces(groups);
  return [...groups].map(([name, group]) => {
    const read = readObjects(group.filter((manifest) => isRelevant(manifest) && !isEncrypted(manifest)));
    const generated = group.flatMap((manifest) => generatedSecret(manifest) ?? []);
    return {
      name: name === '' ? undefined : name,
      missingSecrets,
      faults: read.faults,
      inventory: withDelivery(read.inventory, delivery),
      refusedSecrets: new Set(
        read.faults.flatMap(({ manifest }) => (manifest.kind === 'Secret' ? [manifest.metadata.name] : [])),
      ),
      generated: new Map(generated.map((secret) => [secret.name, secret.from])),
      elsewhere: (secret) => (placesOf.get(secret) ?? []).filter((other) => other !== name),
      ...byName(group),
    };
  });
}

/** By name of a Secret: the namespaces that have one, in the order of `groups`. */
function secretPlaces(
  groups: ReadonlyMap<string, readonly Manifest[]>,
): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  for (const [namespace, group] of groups) {
    for (const name of secretNames(group)) {
      const known = places.get(name);
      if (known === undefined) places.set(name, [namespace]);
      else known.push(namespace);
    }
  }
  return places;
}

function secretNames(manifests: readonly Manifest[]): ReadonlySet<string> {
  return new Set(
    manifests.flatMap((manifest) =>
      manifest.kind === 'Secret' ? manifest.metadata.name : (generatedSecret(manifest)?.name ?? []),
    ),
  );
}

/** The key of an object in {@link Namespace.manifests}. */
export function keyOf(kind: string, name: string): string {
  return `${kind}/${name}`;
}

function byName(group: readonly Manifest[]): Pick<Namespace, 'manifests' | 'replaced'> {
  const manifests = new Map<string, Manifest>();
  const replaced: { manifest: Manifest; by: Manifest }[] = [];
  for (const manifest of group) {
    const key = keyOf(manifest.kind, manifest.metadata.name);
    const before = manifests.get(key);
    if (before !== undefined && manifest.metadata.name !== '')
      replaced.push({ manifest: before, by: manifest });
    manifests.set(key, manifest);
  }
  return { manifests, replaced };
}

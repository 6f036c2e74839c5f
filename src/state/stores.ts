import type { Binding, ValidBinding } from '../binding/index.ts';
import { patternOf, patternsOf, repositoryName } from '../image/index.ts';
import { type ListenerErrorHandler, Store } from '../kube/index.ts';
import { keyOf, type Stored } from '../object/index.ts';
import { Rivals } from '../policy/index.ts';
import type { Run, ScheduledScan } from '../scan/index.ts';
import type { OtherSecret, SourceSecret, TrivySecret } from '../secret/index.ts';
import { compareText } from '../text/index.ts';
import { Selections } from './selections.ts';
import { TemporaryRefusals } from './temporary-refusals.ts';

/** What the controller knows of the cluster: projections of objects, which reflectors keep up to date. */
export type Stores = ReturnType<typeof createStores>;

/**
 * Creates empty stores. Index values begin with the namespace, because no look-up crosses namespaces.
 *
 * @param onListenerError - as for {@link Store}
 */
export function createStores(onListenerError?: ListenerErrorHandler) {
  const bindings = new Store(
    {
      namespace: (binding: Binding) => [binding.namespace],
      pullSecret: (binding: Binding) =>
        binding.validity === 'Valid' ? binding.imagePullSecrets.map((name) => indexKey(binding, name)) : [],
      trivySecret: (binding: Binding) => optional(binding, binding.status?.trivySecret?.name),
    },
    onListenerError,
  );
  const rivals = new Rivals();
  bindings.onChange(({ before, after }) => {
    if (before !== undefined) rivals.remove(before);
    if (after !== undefined) rivals.add(after);
  });
  const runs = new Store(
    {
      trivySecret: (run: Run) => optional(run, run.secretName),
      scheduledScan: (run: Run) => optional(run, run.scheduledScan),
      /** By the patterns that fit the image: the Scans that are not bound. */
      unbound: (run: Run) => {
        const image = run.admission?.unbound?.image;
        return image === undefined ? [] : patternsOf(image).map((pattern) => indexKey(run, pattern));
      },
      /** By namespace: the Scans whose decision is open. */
      undecided: (run: Run) => (isUndecided(run) ? [run.namespace] : []),
      /** By namespace: the Scans whose CRD has, and has not, the field `suspend`. */
      canHold: (run: Run) => (run.admission?.canHold === true ? [run.namespace] : []),
      cannotHold: (run: Run) => (run.admission?.canHold === false ? [run.namespace] : []),
    },
    onListenerError,
  );
  const temporaryRefusals = new TemporaryRefusals((key) => {
    const run = runs.get(key);
    return run !== undefined && isUndecided(run);
  }, onListenerError);
  bindings.onChange(({ before, after }) => {
    if (before !== undefined && before.generation !== after?.generation)
      temporaryRefusals.forget(keyOf(before));
  });
  return {
    bindings,
    /** The bindings by image and previous repository. */
    rivals,
    /** The selection of each binding. */
    selections: new Selections(onListenerError),
    scheduledScans: new Store(
      {
        /** By the patterns that fit the image: digest, tag and repository. */
        image: (scan: ScheduledScan) =>
          scan.image === undefined ? [] : patternsOf(scan.image).map((pattern) => indexKey(scan, pattern)),
        /** By the patterns that fit the images which a scan without a readable image mentions. */
        mention: (scan: ScheduledScan) => [
          ...new Set(scan.mentions.flatMap(patternsOf).map((pattern) => indexKey(scan, pattern))),
        ],
        binding: (scan: ScheduledScan) => optional(scan, scan.bound?.binding),
        trivySecret: (scan: ScheduledScan) => optional(scan, scan.bound?.delivery?.secretName),
      },
      onListenerError,
    ),
    /** Metadata of Secrets of the type dockerconfigjson. */
    pullSecrets: new Store<Stored>({}, onListenerError),
    /**
     * Metadata of Secrets of the older type dockercfg. It has a store of its own, because a field selector cannot
     * select both types, and a store allows only one watch per namespace.
     */
    dockercfgSecrets: new Store<Stored>({}, onListenerError),
    trivySecrets: new Store(
      {
        source: (secret: TrivySecret) => optional(secret, secret.identity?.source),
        /** By binding: the temporary Secrets. */
        temporary: (secret: TrivySecret) => optional(secret, secret.temporary?.binding),
        /** By Scan: its temporary Secrets. */
        scan: (secret: TrivySecret) => optional(secret, secret.temporary?.scan.name),
      },
      onListenerError,
    ),
    otherSecrets: new Store<OtherSecret>({}, onListenerError),
    /** The content of the Secrets that bindings name. Each is read by name, not watched. */
    sourceSecrets: new Store<SourceSecret>({}, onListenerError),
    runs,
    temporaryRefusals,
  };
}

/**
 * Whether the decision about a Scan is open: the controller holds the Scan, or a user has created it suspended. `isHeldHere` of
 * `src/scan` is true only for the first.
 */
export function isUndecided({ admission }: Run): boolean {
  return admission !== undefined && admission.hold !== 'None';
}

/** The ScheduledScans that fit a binding by image alone. */
export function scansFitting(binding: ValidBinding, stores: Stores): ReadonlySet<ScheduledScan> {
  return new Set(scanKeysOf(binding).flatMap((key) => scansUnder(key, stores)));
}

/** The ScheduledScans without a readable image whose parameters mention an image of the binding. */
export function scansMentioning(
  binding: ValidBinding,
  { scheduledScans }: Stores,
): ReadonlySet<ScheduledScan> {
  return new Set(scanKeysOf(binding).flatMap((key) => scheduledScans.byIndex('mention', key)));
}

/** Limit on the unbound Scans of a binding that are looked at. */
const MOST_UNBOUND = 100;

/**
 * The Scans of a binding that were created since the binding, and are not bound. The newest ones come first. Leaves out a Scan
 * after which its ScheduledScan has created a bound one.
 */
export function unboundScansOf(binding: ValidBinding, { runs }: Stores): readonly Run[] {
  const isSuperseded = ({ namespace, scheduledScan, createdAt }: Run) =>
    scheduledScan !== undefined &&
    runs
      .byIndex('scheduledScan', indexKey({ namespace }, scheduledScan))
      .some((other) => other.createdAt > createdAt && other.admission?.unbound === undefined);
  const unbound = new Set(scanKeysOf(binding).flatMap((key) => runs.byIndex('unbound', key)));
  return [...unbound]
    .filter(({ createdAt }) => createdAt >= binding.createdAt)
    .filter(({ admission }) => admission?.unbound?.bound?.binding !== binding.name)
    .sort((a, b) => b.createdAt - a.createdAt || compareText(a.name, b.name))
    .slice(0, MOST_UNBOUND)
    .filter((run) => !isSuperseded(run));
}

/** The keys under which {@link scansUnder} finds the ScheduledScans that could fit a binding. */
export function scanKeysOf(binding: ValidBinding): readonly string[] {
  const { image, replaces } = binding;
  return [image, ...replaces].map((pattern) => indexKey(binding, patternOf(pattern)));
}

/** The ScheduledScans of a key of {@link scanKeysOf}, which is a repository or one of its versions. */
export function scansUnder(key: string, { scheduledScans }: Stores): readonly ScheduledScan[] {
  return scheduledScans.byIndex('image', key);
}

/** The index value for a name in the namespace of `object`. */
export function indexKey(object: { readonly namespace: string }, name: string): string {
  return keyOf({ namespace: object.namespace, name });
}

/** The index value of the repository that a scan names. */
export function repositoryIndex(scan: ScheduledScan): readonly string[] {
  return scan.image === undefined ? [] : [indexKey(scan, repositoryName(scan.image))];
}

function optional(object: { readonly namespace: string }, name: string | undefined): readonly string[] {
  return name === undefined ? [] : [indexKey(object, name)];
}

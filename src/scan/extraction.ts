import { isRecord } from '../text/index.ts';

/**
 * The init container that autodiscovery adds to scans of pods with pull secrets. It copies a pull secret when the scan
 * runs. It fails if no key equals the host, and on every run after the first. So a scan with a delivered credential must
 * not have it.
 */
const EXTRACTION = 'secret-extraction-to-env';

interface NamedEntry {
  readonly name: string;
}
interface Volume extends NamedEntry {
  readonly secret?: object;
}
interface InitContainer extends NamedEntry {
  readonly args?: readonly string[];
  readonly volumeMounts?: readonly NamedEntry[];
}

/** The lists of a scanSpec that relate to the init container. */
export interface Extracting {
  initContainers?: readonly InitContainer[];
  volumes?: readonly Volume[];
  readonly volumeMounts?: readonly NamedEntry[];
}

/** Entries that were removed from a scanSpec, with their positions. */
export interface RemovedParts {
  readonly initContainers: readonly Placed[];
  readonly volumes: readonly Placed[];
}

interface Placed {
  readonly index: number;
  readonly entry: NamedEntry;
}

const LISTS = ['initContainers', 'volumes'] as const;

/** Whether a scanSpec has autodiscovery's init container. */
export function hasExtraction(spec: Extracting): boolean {
  return extractionIn(spec) !== undefined;
}

/**
 * The parts to remove from a scanSpec; undefined: it has no init container of autodiscovery. A container that
 * {@link isRemovedParts} would reject is ignored, and stays.
 */
function extractionIn(spec: Extracting): RemovedParts | undefined {
  if (spec.initContainers?.some(isExtraction) !== true) return undefined;
  const mounted = mountsOf(spec, isExtraction);
  const needed = mountsOf(spec, (container) => !isExtraction(container));
  for (const { name } of spec.volumeMounts ?? []) needed.add(name);
  const isAlone = (volume: Volume) =>
    isSecretVolume(volume) && mounted.has(volume.name) && !needed.has(volume.name);
  const removed = {
    initContainers: placed(spec.initContainers, isExtraction),
    volumes: placed(spec.volumes, isAlone),
  };
  return isRemovedParts(removed) ? removed : undefined;
}

/**
 * Removes autodiscovery's init container from a scanSpec, and the volumes of Secrets that only that container mounts.
 * Returns the same object if there is no such container.
 */
export function removeExtraction<Spec extends Extracting>(
  spec: Spec,
): { readonly spec: Spec; readonly removed: RemovedParts | undefined } {
  const removed = extractionIn(spec);
  if (removed === undefined) return { spec, removed };
  const rest = { ...spec };
  for (const list of LISTS) {
    const out = new Set(removed[list].map(({ index }) => index));
    const left = spec[list]?.filter((_, index) => !out.has(index));
    if (left?.length === 0 && out.size > 0) delete rest[list];
    else if (left !== undefined) Object.assign(rest, { [list]: left });
  }
  return { spec: rest, removed };
}

/** Replaces the image in the arguments of autodiscovery's init container. */
export function migrateExtraction<Spec extends Extracting>(spec: Spec, from: string, to: string): Spec {
  if (!hasExtraction(spec)) return spec;
  const initContainers = spec.initContainers?.map((container) =>
    isExtraction(container) && container.args !== undefined
      ? { ...container, args: container.args.map((arg) => (arg === from ? to : arg)) }
      : container,
  );
  return { ...spec, initContainers };
}

/** The inverse of {@link removeExtraction}. An entry of the same name that another client has since added stays. */
export function restoreExtraction<Spec extends Extracting>(
  spec: Spec,
  removed: RemovedParts | undefined,
): Spec {
  if (removed === undefined) return spec;
  const whole = { ...spec };
  for (const list of LISTS) {
    const entries: NamedEntry[] = [...(spec[list] ?? [])];
    const present = new Set(entries.map(({ name }) => name));
    const missing = removed[list].filter(({ entry }) => !present.has(entry.name));
    for (const { index, entry } of missing) entries.splice(index, 0, entry);
    if (missing.length > 0) Object.assign(whole, { [list]: entries });
  }
  return whole;
}

/** Limit on entries. Autodiscovery adds one container, and a volume for each pull secret of a pod. */
const MOST_ENTRIES = 64;
/** Limit on all removed parts together, in characters of JSON. */
const MOST_CHARACTERS = 32_768;
/** Limit on nesting. The fields of a container in the Kubernetes API are nested about half as deeply. */
const MOST_LEVELS = 16;

/**
 * Whether {@link removeExtraction} may have removed these entries. Without this check, users who can write the annotation
 * of a scan could add arbitrary entries to the scan. Accepts only init containers with autodiscovery's name, and plain
 * Secret volumes that one of them mounts.
 */
export function isRemovedParts(value: unknown): value is RemovedParts {
  if (!isRecord(value) || !isShallow(value, MOST_LEVELS)) return false;
  const { initContainers, volumes } = value;
  if (!isPlacedList(initContainers, isExtractionEntry) || !isPlacedList(volumes, isSecretVolume))
    return false;
  const mounted = mountsOf({ initContainers: initContainers.map(({ entry }) => entry) }, isExtraction);
  return (
    volumes.every(({ entry }) => mounted.has(entry.name)) && JSON.stringify(value).length <= MOST_CHARACTERS
  );
}

function isPlacedList<Entry extends NamedEntry>(
  list: unknown,
  isEntry: (entry: unknown) => entry is Entry,
): list is readonly { readonly index: number; readonly entry: Entry }[] {
  return (
    Array.isArray(list) &&
    list.length <= MOST_ENTRIES &&
    list.every((one) => isRecord(one) && isIndex(one['index']) && isEntry(one['entry']))
  );
}

function isIndex(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isExtractionEntry(value: unknown): value is InitContainer {
  if (!isRecord(value) || value['name'] !== EXTRACTION) return false;
  const { args = [], volumeMounts = [] } = value;
  if (!Array.isArray(args) || !Array.isArray(volumeMounts)) return false;
  return args.every((arg) => typeof arg === 'string') && volumeMounts.every(isNamed);
}

function isSecretVolume(value: unknown): value is Volume {
  return isRecord(value) && isNamed(value) && isRecord(value['secret']) && Object.keys(value).length === 2;
}

function isNamed(value: unknown): boolean {
  return isRecord(value) && typeof value['name'] === 'string';
}

/** Whether the nesting is shallow enough for a recursive walk through the value. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}

function isExtraction({ name }: NamedEntry): boolean {
  return name === EXTRACTION;
}

/** Names of the volumes that such init containers mount. */
function mountsOf(
  { initContainers = [] }: Extracting,
  is: (container: InitContainer) => boolean,
): Set<string> {
  return new Set(
    initContainers.filter(is).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name)),
  );
}

function placed<Entry extends NamedEntry>(
  list: readonly Entry[] | undefined,
  is: (entry: Entry) => boolean,
): readonly Placed[] {
  return (list ?? []).flatMap((entry, index) => (is(entry) ? [{ index, entry }] : []));
}

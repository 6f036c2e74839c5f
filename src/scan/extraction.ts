/**
 * The init container that autodiscovery adds to scans of pods with pull secrets. It copies a pull secret at scan time,
 * ends with an error where no key equals the host, and on every run after the first: a scan that is handed its
 * credential otherwise cannot run beside it.
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

/** The lists of a scanSpec that the init container stands in. */
export interface Extracting {
  initContainers?: readonly InitContainer[];
  volumes?: readonly Volume[];
  readonly volumeMounts?: readonly NamedEntry[];
}

/** Entries that were taken out of a scanSpec, and where they stood. */
export interface TakenOut {
  readonly initContainers: readonly Placed[];
  readonly volumes: readonly Placed[];
}

interface Placed {
  readonly index: number;
  readonly entry: NamedEntry;
}

const LISTS = ['initContainers', 'volumes'] as const;

/** Whether a scanSpec has autodiscovery's init container. */
export function hasExtraction({ initContainers = [] }: Extracting): boolean {
  return initContainers.some(isExtraction);
}

/** A scanSpec without autodiscovery's init container and the Secrets that it alone mounts; the very spec where it has none. */
export function takeOutExtraction<Spec extends Extracting>(
  spec: Spec,
): { readonly spec: Spec; readonly takenOut: TakenOut | undefined } {
  if (!hasExtraction(spec)) return { spec, takenOut: undefined };
  const mounted = mountsOf(spec, isExtraction);
  const needed = mountsOf(spec, (container) => !isExtraction(container));
  for (const { name } of spec.volumeMounts ?? []) needed.add(name);
  const isAlone = ({ name, secret }: Volume) =>
    secret !== undefined && mounted.has(name) && !needed.has(name);
  const takenOut = {
    initContainers: placed(spec.initContainers, isExtraction),
    volumes: placed(spec.volumes, isAlone),
  };
  const rest = { ...spec };
  for (const list of LISTS) {
    const out = new Set(takenOut[list].map(({ index }) => index));
    const left = spec[list]?.filter((_, index) => !out.has(index));
    if (left?.length === 0 && out.size > 0) delete rest[list];
    else if (left !== undefined) Object.assign(rest, { [list]: left });
  }
  return { spec: rest, takenOut };
}

/** A scanSpec whose init container of autodiscovery is told another image. */
export function moveExtraction<Spec extends Extracting>(spec: Spec, from: string, to: string): Spec {
  if (!hasExtraction(spec)) return spec;
  const initContainers = spec.initContainers?.map((container) =>
    isExtraction(container) && container.args !== undefined
      ? { ...container, args: container.args.map((arg) => (arg === from ? to : arg)) }
      : container,
  );
  return { ...spec, initContainers };
}

/** The inverse of {@link takeOutExtraction}. What somebody has added under one of the names since stays instead. */
export function putBackExtraction<Spec extends Extracting>(spec: Spec, takenOut: TakenOut | undefined): Spec {
  if (takenOut === undefined) return spec;
  const whole = { ...spec };
  for (const list of LISTS) {
    const entries: NamedEntry[] = [...(spec[list] ?? [])];
    const present = new Set(entries.map(({ name }) => name));
    const missing = takenOut[list].filter(({ entry }) => !present.has(entry.name));
    for (const { index, entry } of missing) entries.splice(index, 0, entry);
    if (missing.length > 0) Object.assign(whole, { [list]: entries });
  }
  return whole;
}

/** Whether a value, such as one that was read from an annotation, is what {@link takeOutExtraction} takes out. */
export function isTakenOut(value: unknown): value is TakenOut {
  return isRecord(value) && LISTS.every((list) => isPlacedList(value[list]));
}

/** Autodiscovery adds one container, and a volume for each of a pod's pull secrets. */
const MOST_ENTRIES = 64;

function isPlacedList(value: unknown): boolean {
  return Array.isArray(value) && value.length <= MOST_ENTRIES && value.every(isPlaced);
}

function isPlaced(value: unknown): boolean {
  if (!isRecord(value) || !isRecord(value['entry'])) return false;
  return Number.isSafeInteger(value['index']) && typeof value['entry']['name'] === 'string';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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

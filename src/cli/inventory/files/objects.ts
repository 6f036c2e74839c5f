import type { Binding } from '../../../binding/index.ts';
import { type RawScheduledScan, readScheduledScan, type ScheduledScan } from '../../../scan/index.ts';
import { quoted } from '../../../text/index.ts';
import type { Inventory } from '../inventory.ts';
import { type ReadSecret, readSecret, secretsIn } from '../secrets.ts';
import { readBindingManifest } from './binding-manifest.ts';
import { isBindingType } from './binding-type.ts';
import { type Manifest, scanProblem } from './manifest.ts';
import { metadataProblems } from './metadata.ts';
import { secretData } from './secret-manifest.ts';

/** By kind: the apiVersion that is read. */
const API_VERSIONS: Readonly<Record<string, string>> = {
  Secret: 'v1',
  ScheduledScan: 'execution.securecodebox.io/v1',
};

type Type = Pick<Manifest, 'apiVersion' | 'kind'>;
type Kind = 'Secret' | 'Binding' | 'ScheduledScan';

/** How an object is read; undefined: it is of another kind, and is skipped. */
function kindOf(manifest: Type): Kind | undefined {
  if (isBindingType({ ...manifest })) return 'Binding';
  const { apiVersion, kind } = manifest;
  if (apiVersion !== API_VERSIONS[kind]) return undefined;
  return kind === 'Secret' ? 'Secret' : 'ScheduledScan';
}

/** Whether an object is read. */
export function isRelevant(manifest: Type): boolean {
  return kindOf(manifest) !== undefined;
}

/** An object that the API server would refuse. */
export interface ObjectFault {
  readonly manifest: Manifest;
  readonly message: string;
}

/** Reads the objects of one namespace. Objects that the API server would refuse are not in the inventory. */
export function readObjects(manifests: readonly Manifest[]): {
  readonly inventory: Inventory;
  readonly faults: readonly ObjectFault[];
} {
  const objects: Objects = {
    secrets: new Map(),
    bindings: new Map(),
    scans: new Map(),
    rawScans: new Map(),
    faults: [],
  };
  for (const manifest of manifests) addObject(manifest, objects);
  const { secrets, bindings, scans, rawScans, faults } = objects;
  const inventory: Inventory = {
    source: 'Files',
    ...secretsIn([...secrets.values()]),
    bindings: [...bindings.values()],
    scheduledScans: [...scans.values()],
    rawScans,
    allScans: false,
    assumesAdmission: true,
    refused: [],
    remarks: [],
  };
  return { inventory, faults };
}

/** Reads the objects of one namespace. The inventory says what was refused and skipped. */
export function inventoryOf(manifests: readonly Manifest[]): Inventory {
  const { inventory, faults } = readObjects(manifests);
  const isBinding = ({ manifest }: ObjectFault) => kindOf(manifest) === 'Binding';
  const textOf = ({ manifest: { place }, message }: ObjectFault) => `${place}: ${message}`;
  const others = new Set(manifests.filter((manifest) => !isRelevant(manifest)).map(nameOfType));
  return {
    ...inventory,
    refused: faults.filter(isBinding).map(textOf),
    remarks: [
      ...faults.filter((fault) => !isBinding(fault)).map((fault) => `${textOf(fault)}; skipped`),
      ...(others.size > 0 ? [`skipped objects of other kinds: ${[...others].join(', ')}`] : []),
    ],
  };
}

/** What is wrong with the apiVersion of an object, if only its version makes it one of another kind; undefined: nothing. */
export function versionProblem({ apiVersion, kind, metadata }: Manifest): string | undefined {
  const expected = Object.hasOwn(API_VERSIONS, kind) ? API_VERSIONS[kind] : undefined;
  if (expected === undefined || apiVersion === expected || groupOf(apiVersion) !== groupOf(expected))
    return undefined;
  const what = `the ${kind} ${quoted(metadata.name)}`;
  return `the API server would refuse ${what}: expected apiVersion ${expected}, found ${quoted(apiVersion)}; correct it`;
}

/** The group of an apiVersion; empty: the core group. */
function groupOf(apiVersion: string): string {
  const [group = '', version] = apiVersion.split('/');
  return version === undefined ? '' : group;
}

/** The kind, and the apiVersion if it is the reason why the object is skipped. */
function nameOfType({ apiVersion, kind }: Manifest): string {
  const expected = Object.hasOwn(API_VERSIONS, kind) ? API_VERSIONS[kind] : undefined;
  return expected === undefined
    ? quoted(kind)
    : `${quoted(kind)} of ${quoted(apiVersion)} (expected ${quoted(expected)})`;
}

/** Objects by name. As with kubectl apply, a later object replaces an earlier one of the same name. */
interface Objects {
  readonly secrets: Map<string, ReadSecret>;
  readonly bindings: Map<string, Binding>;
  readonly scans: Map<string, ScheduledScan>;
  readonly rawScans: Map<string, RawScheduledScan>;
  readonly faults: ObjectFault[];
}

function addObject(manifest: Manifest, objects: Objects): void {
  switch (kindOf(manifest)) {
    case 'Secret':
      addSecret(manifest, objects);
      break;
    case 'Binding':
      addBinding(manifest, objects);
      break;
    case 'ScheduledScan':
      addScan(manifest, objects);
      break;
    case undefined:
      break;
  }
}

function addSecret(manifest: Manifest, { secrets, faults }: Objects): void {
  const { metadata } = manifest;
  const content = secretData(manifest);
  if (content.result === 'Malformed') {
    faults.push({ manifest, message: content.message });
    return;
  }
  const { type, data } = content;
  secrets.set(metadata.name, readSecret({ metadata, type, data }));
}

function addBinding(manifest: Manifest, { bindings, faults }: Objects): void {
  const read = readBindingManifest(manifest);
  if (read.result === 'Refused') faults.push({ manifest, message: read.message });
  else bindings.set(read.binding.name, read.binding);
}

function metadataOf({ kind, metadata }: Manifest): readonly string[] {
  return metadataProblems(metadata).map(
    (problem) => `the API server would refuse the ${kind} ${quoted(metadata.name)}: ${problem}; correct it`,
  );
}

function addScan(manifest: Manifest, { scans, rawScans, faults }: Objects): void {
  const [problem] = [scanProblem(manifest) ?? [], metadataOf(manifest)].flat();
  if (problem !== undefined) {
    faults.push({ manifest, message: problem });
    return;
  }
  // `scanProblem` has checked the shape.
  const raw = manifest.object as unknown as RawScheduledScan;
  const scan = readScheduledScan(raw);
  scans.set(scan.name, scan);
  rawScans.set(scan.name, raw);
}

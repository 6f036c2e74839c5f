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

type Kind = 'Secret' | 'Binding' | 'ScheduledScan';

/** How an object is read; undefined: it is of another kind, and is skipped. */
function kindOf(manifest: Manifest): Kind | undefined {
  if (isBindingType({ ...manifest })) return 'Binding';
  const { apiVersion, kind } = manifest;
  if (apiVersion !== API_VERSIONS[kind]) return undefined;
  return kind === 'Secret' ? 'Secret' : 'ScheduledScan';
}

/** Whether an object is read. */
export function isRelevant(manifest: Manifest): boolean {
  return kindOf(manifest) !== undefined;
}

/** Reads the objects of one namespace. */
export function inventoryOf(manifests: readonly Manifest[]): Inventory {
  const objects: Objects = {
    ...{ secrets: new Map(), bindings: new Map(), scans: new Map(), rawScans: new Map() },
    ...{ refused: [], remarks: [] },
  };
  for (const manifest of manifests) addObject(manifest, objects);
  const { secrets, bindings, scans, rawScans, refused, remarks } = objects;
  const others = new Set(manifests.filter((manifest) => !isRelevant(manifest)).map(nameOfType));
  return {
    source: 'Files',
    ...secretsIn([...secrets.values()]),
    bindings: [...bindings.values()],
    scheduledScans: [...scans.values()],
    ...{ rawScans, refused, allScans: false },
    remarks:
      others.size > 0 ? [...remarks, `skipped objects of other kinds: ${[...others].join(', ')}`] : remarks,
  };
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
  readonly refused: string[];
  readonly remarks: string[];
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

function addSecret(manifest: Manifest, { secrets, remarks }: Objects): void {
  const { place, metadata } = manifest;
  const content = secretData(manifest);
  if (content.result === 'Malformed') {
    remarks.push(`${place}: ${content.message}; skipped`);
    return;
  }
  const { type, data } = content;
  secrets.set(metadata.name, readSecret({ metadata, type, data }));
}

function addBinding(manifest: Manifest, { bindings, refused }: Objects): void {
  const read = readBindingManifest(manifest);
  if (read.result === 'Refused') refused.push(read.message);
  else bindings.set(read.binding.name, read.binding);
}

function metadataOf({ kind, metadata }: Manifest): readonly string[] {
  return metadataProblems(metadata).map(
    (problem) => `the API server would refuse the ${kind} ${quoted(metadata.name)}: ${problem}; correct it`,
  );
}

function addScan(manifest: Manifest, { scans, rawScans, remarks }: Objects): void {
  const [problem] = [scanProblem(manifest) ?? [], metadataOf(manifest)].flat();
  if (problem !== undefined) {
    remarks.push(`${manifest.place}: ${problem}; skipped`);
    return;
  }
  // `scanProblem` has checked the shape.
  const raw = manifest.object as unknown as RawScheduledScan;
  const scan = readScheduledScan(raw);
  scans.set(scan.name, scan);
  rawScans.set(scan.name, raw);
}

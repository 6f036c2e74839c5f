import { type FilesRead, type Manifest, versionProblem } from '../inventory/index.ts';
import { type Finding, findingIn, findingOn } from './finding.ts';
import { keyOf, type Namespace, namespacesOf, type Settings } from './namespace.ts';
import { notesOf } from './notes.ts';

/** The result of a validation. */
export interface Validation {
  /** In the order of the files and their documents. */
  readonly findings: readonly Finding[];
  /** By kind: the number of objects that were validated. */
  readonly counts: ReadonlyMap<string, number>;
  readonly namespaces: number;
}

/** Validates the objects in files, each namespace on its own. Contacts no registry and no cluster. */
export function validate({ manifests, problems, files }: FilesRead, settings: Settings): Validation {
  const namespaces = namespacesOf(manifests, settings);
  const findings = [
    ...problems.map(findingIn),
    ...manifests.flatMap(versionFindings),
    ...namespaces.flatMap(findingsIn),
  ];
  const kinds = Map.groupBy(
    namespaces.flatMap((namespace) => [...namespace.manifests.values()]),
    ({ kind }) => kind,
  );
  return {
    findings: inOrder(findings, files),
    counts: new Map([...kinds].map(([kind, { length }]) => [kind, length])),
    namespaces: namespaces.length,
  };
}

/** Findings about folders come first. */
function inOrder(findings: readonly Finding[], files: readonly string[]): readonly Finding[] {
  const order = new Map(files.map((file, index) => [file, index + 1]));
  const fileOf = ({ file }: Finding) => order.get(file) ?? 0;
  return findings.toSorted(
    (one, other) => fileOf(one) - fileOf(other) || (one.document ?? 0) - (other.document ?? 0),
  );
}

function versionFindings(manifest: Manifest): readonly Finding[] {
  const problem = versionProblem(manifest);
  return problem === undefined ? [] : [findingOn(manifest, manifest.metadata.namespace, 'error', problem)];
}

function findingsIn(namespace: Namespace): readonly Finding[] {
  const { name, manifests, faults, replaced } = namespace;
  return [
    ...faults.map(({ manifest, message }) => findingOn(manifest, name, 'error', message)),
    ...replaced.map(({ manifest, by }) =>
      findingOn(manifest, name, 'warning', `the object of the same kind and name in ${by.place} replaces it`),
    ),
    ...notesOf(namespace).flatMap(({ kind, object, severity, message }) => {
      const manifest = manifests.get(keyOf(kind, object));
      return manifest === undefined ? [] : [findingOn(manifest, name, severity, message)];
    }),
  ];
}

import { quoted } from '../../../text/index.ts';
import { UserError } from '../../errors.ts';
import type { Inventory } from '../inventory.ts';
import type { Manifest } from './manifest.ts';
import { type FileProblem, readManifests } from './manifests.ts';
import { inventoryOf, isRelevant } from './objects.ts';

/**
 * Reads Secrets, ImageCredentialBindings and ScheduledScans from YAML or JSON files. A file contains any number of
 * documents, each an object or a list of objects. Objects of other kinds and invalid objects are skipped with a remark.
 *
 * @param names - of files and folders; `-` is standard input
 * @param namespace - reads objects of this namespace, and objects that name none; undefined: all objects, which must be in
 *   the same namespace
 * @param isRecursive - whether to read the folders in folders, too
 * @throws UserError if a file cannot be read or is not YAML, if a file that the user has named contains something that is
 *   not a Kubernetes object, or if there are too many files
 */
export async function readFiles(
  names: readonly string[],
  namespace: string | undefined,
  isRecursive = false,
): Promise<Inventory> {
  const { manifests, problems } = await readManifests(names, isRecursive);
  const error = problems.find(({ severity }) => severity === 'Error');
  if (error !== undefined) throw new UserError(textOf(error));
  checkNamespaces(manifests, namespace);
  const inventory = inventoryOf(manifests.filter((manifest) => isIn(namespace, manifest)));
  return { ...inventory, remarks: [...problems.map(textOf), ...inventory.remarks] };
}

function textOf({ place, message }: FileProblem): string {
  return `${place}: ${message}`;
}

function isIn(namespace: string | undefined, { metadata }: Manifest): boolean {
  return namespace === undefined || metadata.namespace === undefined || metadata.namespace === namespace;
}

function checkNamespaces(manifests: readonly Manifest[], namespace: string | undefined): void {
  const all = manifests.filter(isRelevant).map(({ metadata }) => metadata.namespace);
  const names = [...new Set(all.filter((name) => name !== undefined))];
  const found = names.sort().map(quoted).join(', ');
  if (namespace === undefined && names.length > 1) {
    throw new UserError(`expected objects of one namespace, found ${found}; choose one with --namespace`);
  }
  if (
    namespace !== undefined &&
    all.length > 0 &&
    !all.some((name) => name === undefined || name === namespace)
  ) {
    throw new UserError(
      `expected objects of the namespace ${quoted(namespace)}, found those of ${found}; correct --namespace`,
    );
  }
}

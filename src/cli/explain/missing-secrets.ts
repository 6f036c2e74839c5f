import type { ValidBinding } from '../../binding/index.ts';
import { isSimilar, quoted } from '../../text/index.ts';
import type { Inventory } from '../inventory/index.ts';

/** Shorter names are too often similar by chance. */
const SHORTEST_TYPO = 4;
/** The letters and digits that kustomize uses for its hash: sigs.k8s.io/kustomize/api/hasher. */
const HASH_SUFFIX = /-[2456789bcdfghkmt]{10}$/;
const KUSTOMIZE =
  'kustomize adds such a suffix: tell it about spec.imagePullSecrets with a nameReference, or set disableNameSuffixHash';

/** Sentences about the Secrets that a binding names and that do not exist, and about which Secret may be meant. */
export function missingSecrets(binding: ValidBinding | undefined, { states }: Inventory): readonly string[] {
  if (binding === undefined) return [];
  const existing = [...states.keys()];
  return binding.imagePullSecrets
    .filter((name) => !states.has(name))
    .map((name) => missingSecret(binding, name, existing));
}

/**
 * A sentence about a Secret that a binding names and that does not exist.
 *
 * @param existing - names of Secrets that may be meant
 */
export function missingSecret(
  { name: binding }: ValidBinding,
  name: string,
  existing: readonly string[],
): string {
  return (
    `the binding ${quoted(binding)} names the Secret ${quoted(name)}: expected a Secret of that name, found ` +
    `none; create it, or correct the name${meant(name, existing)}`
  );
}

/** The Secrets that may be meant, because their names differ only by a suffix of kustomize, or by typos. */
export function meantSecrets(name: string, existing: readonly string[]): readonly string[] {
  const unhashed = withoutHash(name);
  const hashed = existing.filter((other) => withoutHash(other) === unhashed);
  if (hashed.length > 0) return hashed;
  return existing.filter((other) => name.length >= SHORTEST_TYPO && isSimilar(other, name));
}

function meant(name: string, existing: readonly string[]): string {
  const names = meantSecrets(name, existing);
  if (names.length === 0) return '';
  const isHashed = names.some((other) => withoutHash(other) === withoutHash(name));
  return `; did you mean ${names.map(quoted).join(' or ')}?${isHashed ? ` ${KUSTOMIZE}` : ''}`;
}

function withoutHash(name: string): string {
  return name.replace(HASH_SUFFIX, '');
}

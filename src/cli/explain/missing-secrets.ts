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
  return binding.imagePullSecrets
    .filter((name) => !states.has(name))
    .map(
      (name) =>
        `the binding ${quoted(binding.name)} names the Secret ${quoted(name)}: expected a Secret of that name, found ` +
        `none; create it, or correct the name${meant(name, [...states.keys()])}`,
    );
}

function meant(name: string, existing: readonly string[]): string {
  const hashed = existing.filter((other) => withoutHash(other) === withoutHash(name));
  if (hashed.length > 0) return `; did you mean ${hashed.map(quoted).join(' or ')}? ${KUSTOMIZE}`;
  const similar = existing.filter((other) => name.length >= SHORTEST_TYPO && isSimilar(other, name));
  return similar.length === 0 ? '' : `; did you mean ${similar.map(quoted).join(' or ')}?`;
}

function withoutHash(name: string): string {
  return name.replace(HASH_SUFFIX, '');
}

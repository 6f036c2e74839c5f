import type { ValidBinding } from '../../binding/index.ts';
import { lookup } from '../../credential/index.ts';
import type { ImageReference } from '../../image/index.ts';
import type { SourceCredential } from '../../platform/index.ts';
import { quoted } from '../../text/index.ts';
import type { Inventory } from '../inventory/index.ts';

/** Limit on the Secrets that the sentence lists. */
const MOST_LISTED = 3;

/**
 * A sentence about the Secrets that fit an image, but that its binding does not name. For a binding none of whose Secrets fits.
 * Empty for a binding that names no Secret, because it needs none.
 */
export function unnamedSecrets(
  { name, imagePullSecrets }: ValidBinding,
  image: ImageReference,
  { secrets }: Inventory,
): readonly string[] {
  if (imagePullSecrets.length === 0) return [];
  const fitting = secrets.filter(
    (secret) =>
      !imagePullSecrets.includes(secret.name) &&
      'keyring' in secret.content &&
      lookup<SourceCredential>([{ name: secret.name, keyring: secret.content.keyring }], image).candidates
        .length > 0,
  );
  if (fitting.length === 0) return [];
  const listed = fitting.slice(0, MOST_LISTED).map((secret) => quoted(secret.name));
  const isOne = listed.length === 1;
  const subject = isOne ? `the Secret ${listed.join()} fits` : `the Secrets ${listed.join(', ')} fit`;
  const [it, added] = isOne ? ['it', 'it'] : ['them', 'one of them'];
  return [
    `${subject} the image, but the binding ${quoted(name)} does not name ${it}; add ${added} to its spec.imagePullSecrets`,
  ];
}

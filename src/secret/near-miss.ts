import { type NamedKeyring, type NearMiss as Near, nearMisses } from '../credential/index.ts';
import type { ImageReference } from '../image/index.ts';
import { REGISTRIES_ANNOTATION, type SourceCredential, variantsOf } from '../platform/index.ts';
import { quoted } from '../text/index.ts';

/** An entry of a pull secret, or a host in the annotation of a credential Secret, that nearly fits an image. */
export interface NearMiss {
  readonly secret: string;
  /** As in a candidate. */
  readonly registryKey: string;
  /** Why it does not fit, and what to do. */
  readonly problem: string;
}

/**
 * Finds what nearly fits an image, if no credential fits it. It has at most three elements, and their text has a bounded length
 * and contains no secret value.
 */
export function findNearMisses(
  keyrings: readonly NamedKeyring<SourceCredential>[],
  image: ImageReference,
): readonly NearMiss[] {
  return nearMisses(keyrings, image, variantsOf).map((nearMiss) => {
    const { secret, registryKey, problem } = nearMiss;
    return {
      secret,
      registryKey,
      problem: `${subjectOf(nearMiss)} does not fit: ${problem}; ${adviceFor(nearMiss)}`,
    };
  });
}

function subjectOf({ secret, registryKey, credential }: Near<SourceCredential>): string {
  return credential.kind === 'platform'
    ? `host ${quoted(registryKey)} in the annotation ${REGISTRIES_ANNOTATION} of Secret ${secret}`
    : `entry ${quoted(registryKey)} of Secret ${secret}`;
}

function adviceFor({ corrected, doubt, credential }: Near<SourceCredential>): string {
  const key = quoted(corrected);
  switch (doubt) {
    case undefined:
      return `write ${key}`;
    case 'Typo':
      return `if it is misspelled, write ${key}`;
    case 'Other':
      return credential.kind === 'platform'
        ? `if the credential is valid there, add ${key}`
        : `add an entry for ${key}`;
  }
}

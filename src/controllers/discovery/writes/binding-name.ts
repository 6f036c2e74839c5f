import { createHash } from 'node:crypto';

/** Limit on the readable part, in characters. With hash, ordinal and dashes, a name stays below 63 characters. */
const LONGEST_PATH = 48;
const HASH_DIGITS = 8;

/**
 * Names for the binding of a repository, the preferred one first. A name consists of the path of the repository, so that
 * users recognize it, and a hash of host and path, because in a registry migration two registries have the same paths. The
 * further names are for namespaces in which another binding has the first one. The generator never ends.
 */
export function* bindingNames(repository: string): Generator<string> {
  const path = repository.slice(repository.indexOf('/') + 1).replace(/^library\//, '');
  const hash = createHash('sha256').update(repository).digest('hex').slice(0, HASH_DIGITS);
  // The end of a path is its most specific part.
  const readable = path
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(-LONGEST_PATH)
    .replace(/^-/, '');
  yield `${readable}-${hash}`;
  for (let ordinal = 2; ; ordinal += 1) yield `${readable}-${hash}-${ordinal}`;
}

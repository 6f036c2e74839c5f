import { createHash } from 'node:crypto';

/** What is readable of a name; with the hash, the ordinal and their dashes a binding's name stays below 63 characters. */
const LONGEST_PATH = 48;
const HASH_DIGITS = 8;

/**
 * Names for the binding of a repository, the best first: its path, so that people find it, and a hash of host and path,
 * for two registries have the same paths when an image moves. Later ones are for where somebody has taken the first.
 */
export function* bindingNames(repository: string): Generator<string> {
  const path = repository.slice(repository.indexOf('/') + 1).replace(/^library\//, '');
  const hash = createHash('sha256').update(repository).digest('hex').slice(0, HASH_DIGITS);
  // The end of a path says most.
  const readable = path
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(-LONGEST_PATH)
    .replace(/^-/, '');
  yield `${readable}-${hash}`;
  for (let ordinal = 2; ; ordinal += 1) yield `${readable}-${hash}-${ordinal}`;
}

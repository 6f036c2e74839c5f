import { quoted } from '../../text/index.ts';
import type { Difference } from './difference.ts';

/** How the path of a key differs from one that fits an image. */
export interface PathDifference extends Difference {
  /** A path that fits: empty, or with a leading slash. */
  readonly corrected: string;
}

const VERSION = /^\/v[12]$/;
const TAG = /:[^/]*$/;
const SLASHES_AT_END = /\/+$/;
const FIRST_COMPONENT = /^\/[^/]*/;

/** The difference of a path that is an API version only. Without a slash at the end, it is not ignored. */
export function missingSlash(path: string): PathDifference | undefined {
  if (!VERSION.test(path)) return undefined;
  return { distance: 1, clause: `it lacks the slash at its end, after ${quoted(path)}`, corrected: '' };
}

/**
 * How the path of a key differs from one that begins the repository of an image.
 *
 * @param repository - the repository of the image, with a leading slash
 * @returns undefined: the path fits
 */
export function pathDifference(path: string, repository: string): PathDifference | undefined {
  if (repository.startsWith(path)) return undefined;
  return missingSlash(path) ?? spellingDifference(path, repository) ?? otherPath(path, repository);
}

/** The first correction, of those that build on each other, after which the path fits. */
function spellingDifference(path: string, repository: string): PathDifference | undefined {
  const short = path.replace(SLASHES_AT_END, '');
  const lower = short.toLowerCase();
  const untagged = lower.replace(TAG, '');
  const corrections = [
    { clause: "it ends with a slash, which the image's repository does not continue", corrected: short },
    { clause: "its path differs from the image's repository in letter case", corrected: lower },
    { clause: 'it ends with a tag, and an entry names repositories only', corrected: untagged },
  ];
  const found = corrections.find(({ corrected }) => corrected !== '' && repository.startsWith(corrected));
  return found && { distance: 1, ...found };
}

function otherPath(path: string, repository: string): PathDifference {
  const [corrected = repository] = FIRST_COMPONENT.exec(repository) ?? [];
  const clause = `its path, ${quoted(path)}, does not begin the image's repository, ${quoted(repository.slice(1))}`;
  return { distance: 3, clause, doubt: 'Other', corrected };
}

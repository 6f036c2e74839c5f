import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { compareText, quoted } from '../../../text/index.ts';
import { UserError } from '../../errors.ts';

export const STANDARD_INPUT = '-';

/** As kubectl: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_apply/ */
const EXTENSIONS: ReadonlySet<string> = new Set(['.json', '.yaml', '.yml']);
/** Limit on the files that a command reads. */
const MOST_FILES = 10_000;
/** Limit on the names in all folders. */
const MOST_ENTRIES = 100_000;
/** A folder with this file is a Helm chart. */
const CHART_FILE = 'Chart.yaml';
const CHART_TEMPLATES = 'templates';

/** A file to read. */
export interface ListedFile {
  /** `-` is standard input. */
  readonly name: string;
  /** Whether it was found in a folder; false: the user named it. */
  readonly isInFolder: boolean;
  /** In bytes; undefined: it is not a regular file, so its size is not known. */
  readonly size: number | undefined;
}

/** A file or folder in a folder that is not read. */
export interface SkippedFile {
  readonly name: string;
  readonly message: string;
}

/** The files to read, in the order of the arguments. Those of a folder are in the order of their names. */
export interface Listing {
  readonly files: readonly ListedFile[];
  readonly skipped: readonly SkippedFile[];
}

/**
 * Finds the files that the user has named, and the YAML and JSON files in the folders that the user has named. It follows
 * symbolic links in folders to files, and none to folders, so that no link leads back to a folder that contains it.
 *
 * @param names - of files and folders; `-` is standard input
 * @param isRecursive - whether to read the folders in folders, too. Those whose names begin with a dot are never read.
 * @throws UserError if something cannot be read, a folder contains no YAML or JSON file, or there are too many files
 */
export function list(names: readonly string[], isRecursive: boolean): Listing {
  const lister = new Lister(isRecursive);
  for (const name of names) lister.add(name);
  return lister;
}

class Lister implements Listing {
  readonly skipped: SkippedFile[] = [];
  readonly #isRecursive: boolean;
  /** By absolute path. */
  readonly #files = new Map<string, ListedFile>();
  #entries = 0;

  constructor(isRecursive: boolean) {
    this.#isRecursive = isRecursive;
  }

  get files(): readonly ListedFile[] {
    return [...this.#files.values()];
  }

  /** Adds a file or a folder that the user has named. */
  add(name: string): void {
    const stats = name === STANDARD_INPUT ? undefined : statsOf(name);
    if (!stats?.isDirectory()) {
      this.#addFile({ name, isInFolder: false, size: stats?.isFile() ? stats.size : undefined });
      return;
    }
    if (this.#addFolder(name) > 0) return;
    const hint = this.#isRecursive ? '' : ', or add --recursive to read the folders in it, too';
    throw new UserError(
      `${quoted(name)}: expected a folder with .yaml, .yml or .json files, found none; correct the name${hint}`,
    );
  }

  #addFile(file: ListedFile): void {
    const { name, isInFolder } = file;
    const path = name === STANDARD_INPUT ? name : resolve(name);
    // A file that is named, and found in a folder, too, counts as named.
    if (isInFolder && this.#files.has(path)) return;
    this.#files.set(path, file);
    if (this.#files.size > MOST_FILES)
      throw new UserError(`expected at most ${MOST_FILES} files, found more; name fewer files or folders`);
  }

  /** @returns the number of files in the folder */
  #addFolder(folder: string): number {
    const entries = entriesOf(folder);
    this.#entries += entries.length;
    if (this.#entries > MOST_ENTRIES) {
      const limit = `expected folders with at most ${MOST_ENTRIES} files and folders`;
      throw new UserError(`${limit}, found more in ${quoted(folder)}; name fewer folders`);
    }
    const isChart = entries.some(({ name }) => name === CHART_FILE);
    return entries.reduce((sum, entry) => sum + this.#addEntry(folder, entry, isChart), 0);
  }

  #addEntry(folder: string, entry: Dirent, isChart: boolean): number {
    const name = join(folder, entry.name);
    if (entry.isDirectory()) return this.#addSubfolder(name, isChart && entry.name === CHART_TEMPLATES);
    if (this.#isRecursive && entry.isSymbolicLink() && isFolder(name))
      return this.#skip(name, 'a symbolic link to a folder is not followed; name it to read it');
    if (!EXTENSIONS.has(extname(entry.name))) return 0;
    const stats = statsOf(name);
    if (stats.isDirectory()) return 0;
    if (!stats.isFile()) return this.#skip(name, 'it is not a regular file; name it to read it');
    this.#addFile({ name, isInFolder: true, size: stats.size });
    return 1;
  }

  #addSubfolder(name: string, isTemplates: boolean): number {
    if (!this.#isRecursive || /(?:^|[\\/])\.[^\\/]*$/.test(name)) return 0;
    if (!isTemplates) return this.#addFolder(name);
    return this.#skip(name, 'these are templates of a Helm chart; use what helm template prints');
  }

  #skip(name: string, message: string): number {
    this.skipped.push({ name, message: `${message}; skipped` });
    return 0;
  }
}

function isFolder(link: string): boolean {
  try {
    return statSync(link).isDirectory();
  } catch {
    return false;
  }
}

function statsOf(name: string): Stats {
  try {
    return statSync(name);
  } catch (error) {
    throw unreadable(name, error, 'file');
  }
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((one, other) =>
      compareText(one.name, other.name),
    );
  } catch (error) {
    throw unreadable(folder, error, 'folder');
  }
}

/** @param expected - what the user should have named */
export function unreadable(name: string, error: unknown, expected: string): UserError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const found = code === 'ENOENT' ? 'none; correct the name' : code;
  return new UserError(`${quoted(name)}: expected a ${expected} that can be read, found ${found}`);
}

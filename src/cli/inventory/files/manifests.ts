import { YAMLException } from 'js-yaml';
import { isRecord } from '../../../text/index.ts';
import { list, type SkippedFile } from './listing.ts';
import { isList, type Manifest, type Place, readManifest } from './manifest.ts';
import { type FileText, readTexts } from './reading.ts';
import { documentsIn, type YamlDocument } from './yaml.ts';

/** What is wrong with a file or a part of it, or why it is skipped. */
export interface FileProblem {
  /** `Skipped`: it was found in a folder, and is not meant as a Kubernetes object. */
  readonly severity: 'Error' | 'Skipped';
  /** Name of the file or folder, or `standard input`. */
  readonly file: string;
  /** Number of the document in the file, from 1; undefined: the problem is about the whole file. */
  readonly document: number | undefined;
  readonly line: number | undefined;
  /** Where it is in the file or the document, as words; empty: there is no more to say. */
  readonly detail: string;
  /** The file and where the problem is in it, for messages. */
  readonly place: string;
  readonly kind?: string;
  readonly name?: string | undefined;
  readonly message: string;
}

/** The objects in files. */
export interface FilesRead {
  readonly manifests: readonly Manifest[];
  /** In the order of the files. */
  readonly problems: readonly FileProblem[];
  /** Names of the files that were read, in this order. */
  readonly files: readonly string[];
}

/**
 * Reads Kubernetes objects from YAML or JSON files and from folders of such files. A file contains any number of documents,
 * each an object or a list of objects.
 *
 * @param names - of files and folders; `-` is standard input
 * @param isRecursive - whether to read the folders in folders, too
 * @throws UserError if a file cannot be read, or if there are too many files or bytes
 */
export async function readManifests(names: readonly string[], isRecursive: boolean): Promise<FilesRead> {
  const { files, skipped } = list(names, isRecursive);
  const texts = await readTexts(files);
  const found: Found = { manifests: [], problems: skipped.map(skippedFile) };
  for (const text of texts) addFile(text, found);
  return { ...found, files: texts.map(({ name }) => name) };
}

interface Found {
  readonly manifests: Manifest[];
  readonly problems: FileProblem[];
}

const NOWHERE = { document: undefined, line: undefined, detail: '' };

function skippedFile({ name, message }: SkippedFile): FileProblem {
  return { severity: 'Skipped', file: name, place: name, ...NOWHERE, message };
}

function addFile(text: FileText, found: Found): void {
  const documents = parse(text);
  if ('severity' in documents) {
    found.problems.push(documents);
    return;
  }
  for (const [index, { value, line }] of documents.entries()) {
    // A document may be empty.
    if (value === null || value === undefined) continue;
    const place = documents.length === 1 ? text.name : `${text.name}, document ${index + 1}`;
    const position = { file: text.name, document: index + 1, line };
    addObjects(value, { place, position, isInFolder: text.isInFolder, detail: '' }, found);
  }
}

function parse(text: FileText): readonly YamlDocument[] | FileProblem {
  try {
    return documentsIn(text.text);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return text.isInFolder && text.text.includes('{{') ? template(text) : notYaml(text, error);
  }
}

function template({ name }: FileText): FileProblem {
  const message = 'it is not YAML, and looks like a template; use what helm template prints; skipped';
  return { severity: 'Skipped', file: name, place: name, ...NOWHERE, message };
}

/** Reports only the position of an error, because the parser's own message quotes the line, which may contain a password. */
function notYaml({ name }: FileText, { mark, reason }: YAMLException): FileProblem {
  const message = `expected YAML or JSON, found ${faultOf(reason)}; correct it`;
  const problem = { severity: 'Error', file: name, ...NOWHERE, message } as const;
  if (mark === undefined) return { ...problem, place: name };
  const detail = `line ${mark.line + 1}, column ${mark.column + 1}`;
  return { ...problem, place: `${name}, ${detail}`, detail, line: mark.line + 1 };
}

/** What the parser found, without text of the file. */
function faultOf(reason: string): string {
  if (!/^[a-z ,-]+$/.test(reason)) return 'something else';
  return reason.endsWith(' expected') ? `something else (${reason})` : reason;
}

interface Where extends Place {
  readonly isInFolder: boolean;
  /** The position in a list, as words; empty: it is not in a list. */
  readonly detail: string;
}

function addObjects(value: unknown, where: Where, found: Found): void {
  if (!isList(value)) {
    addObject(value, where, found);
    return;
  }
  for (const [index, item] of (value.items ?? []).entries()) {
    const number = `item ${index + 1}`;
    const detail = where.detail === '' ? number : `${where.detail}, ${number}`;
    addObjects(withTypeOf(value, item), { ...where, place: `${where.place}, ${number}`, detail }, found);
  }
}

/** Adds apiVersion and kind to an item of a list such as `SecretList`, whose items omit them. */
function withTypeOf(list: { readonly apiVersion: string; readonly kind: string }, item: unknown): unknown {
  const kind = list.kind.slice(0, -'List'.length);
  return isRecord(item) && item['kind'] === undefined && kind !== ''
    ? { apiVersion: list.apiVersion, kind, ...item }
    : item;
}

function addObject(value: unknown, { place, position, isInFolder, detail }: Where, found: Found): void {
  const read = readManifest(value, { place, position });
  if (read.result === 'Manifest') {
    found.manifests.push(read.manifest);
    return;
  }
  const { message, type, isOther } = read;
  const { kind, name } = type ?? {};
  const problem = { ...position, place, detail, ...(kind === undefined ? {} : { kind, name }) };
  if (isInFolder && isOther)
    found.problems.push({
      severity: 'Skipped',
      ...problem,
      message: 'it is not a Kubernetes object; skipped',
    });
  else found.problems.push({ severity: 'Error', ...problem, message });
}

import { readFile } from 'node:fs/promises';
import { buffer as readAll } from 'node:stream/consumers';
import { YAMLException } from 'js-yaml';
import { isRecord, quoted } from '../../../text/index.ts';
import { UserError } from '../../errors.ts';
import type { Inventory } from '../inventory.ts';
import { isList, type Manifest, manifestOf } from './manifest.ts';
import { inventoryOf, isRelevant } from './objects.ts';
import { documentsIn } from './yaml.ts';

const STANDARD_INPUT = '-';

/**
 * Reads Secrets, ImageCredentialBindings and ScheduledScans from YAML or JSON files. A file contains any number of
 * documents, each an object or a list of objects. Objects of other kinds and invalid objects are skipped with a remark.
 *
 * @param files - names; `-` is standard input
 * @param namespace - reads objects of this namespace, and objects that name none; undefined: all objects, which must be in
 *   the same namespace
 * @throws UserError if a file cannot be read, is not YAML, or contains something that is not a Kubernetes object
 */
export async function readFiles(files: readonly string[], namespace: string | undefined): Promise<Inventory> {
  const texts = await Promise.all([...new Set(files)].map(readText));
  const manifests = texts.flatMap(({ name, text }) => manifestsIn(name, text));
  checkNamespaces(manifests, namespace);
  return inventoryOf(manifests.filter((manifest) => isIn(namespace, manifest)));
}

interface Text {
  readonly name: string;
  readonly text: string;
}

async function readText(file: string): Promise<Text> {
  if (file === STANDARD_INPUT) return { name: 'standard input', text: decoded(await readAll(process.stdin)) };
  try {
    return { name: file, text: decoded(await readFile(file)) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UserError(`${quoted(file)}: expected a file that can be read, found ${found(code)}`);
  }
}

/** As in kubectl, a byte order mark decides whether a file is UTF-16, which PowerShell writes, and not UTF-8. */
function decoded(bytes: Buffer): string {
  const encoding = [UTF_16LE, UTF_16BE].find(({ mark }) => bytes.subarray(0, 2).equals(mark));
  return new TextDecoder(encoding?.name ?? 'utf-8').decode(bytes);
}

const UTF_16LE = { name: 'utf-16le', mark: Buffer.from([0xff, 0xfe]) };
const UTF_16BE = { name: 'utf-16be', mark: Buffer.from([0xfe, 0xff]) };

function found(code: string): string {
  if (code === 'ENOENT') return 'none; correct the name';
  if (code === 'EISDIR') return 'a directory; name its files, each with --filename';
  return code;
}

function manifestsIn(name: string, text: string): readonly Manifest[] {
  const documents = parse(name, text);
  return documents.flatMap((document, index) => {
    const place = documents.length === 1 ? name : `${name}, document ${index + 1}`;
    // A document may be empty.
    if (document === null || document === undefined) return [];
    return objectsIn(document, place);
  });
}

/** Reports only the position of an error, because the parser's own message quotes the line, which may contain a password. */
function parse(name: string, text: string): readonly unknown[] {
  try {
    return documentsIn(text);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { mark, reason } = error;
    const where = mark === undefined ? '' : `, line ${mark.line + 1}, column ${mark.column + 1}`;
    throw new UserError(`${name}${where}: expected YAML or JSON, found ${faultOf(reason)}; correct it`);
  }
}

/** What the parser found, without text of the file. */
function faultOf(reason: string): string {
  if (!/^[a-z ,-]+$/.test(reason)) return 'something else';
  return reason.endsWith(' expected') ? `something else (${reason})` : reason;
}

function objectsIn(document: unknown, place: string): readonly Manifest[] {
  if (isList(document)) {
    return (document.items ?? []).flatMap((item, index) =>
      objectsIn(withTypeOf(document, item), `${place}, item ${index + 1}`),
    );
  }
  return [manifestOf(document, place)];
}

/** Adds apiVersion and kind to an item of a list such as `SecretList`, whose items omit them. */
function withTypeOf(list: { readonly apiVersion: string; readonly kind: string }, item: unknown): unknown {
  const kind = list.kind.slice(0, -'List'.length);
  return isRecord(item) && item['kind'] === undefined && kind !== ''
    ? { apiVersion: list.apiVersion, kind, ...item }
    : item;
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

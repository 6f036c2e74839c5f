import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { loadAll, YAMLException } from 'js-yaml';
import { type IImageCredentialBinding, ImageCredentialBinding, ValidationError } from '../../api/index.ts';
import { type Binding, type RawBinding, readBinding } from '../../binding/index.ts';
import { type RawScheduledScan, readScheduledScan, type ScheduledScan } from '../../scan/index.ts';
import { readSourceSecret, type SourceSecret } from '../../secret/index.ts';
import { isRecord, quoted } from '../../text/index.ts';
import { UserError } from '../errors.ts';
import type { Inventory } from './inventory.ts';
import { isList, type Manifest, manifestOf, scanProblem, secretData } from './manifest.ts';

const STANDARD_INPUT = '-';

/**
 * Reads Secrets, ImageCredentialBindings and ScheduledScans from YAML or JSON files: any number of documents, each an
 * object or a list of them. Objects of other kinds are passed over; so are broken ones, with a remark.
 *
 * @param files - names; `-` is standard input
 * @param namespace - whose objects count, beside those that name none; undefined: there must be only one
 * @throws UserError where a file cannot be read, is not YAML, or holds something that is no Kubernetes object
 */
export async function readFiles(files: readonly string[], namespace: string | undefined): Promise<Inventory> {
  const texts = await Promise.all([...new Set(files)].map(readText));
  const manifests = texts.flatMap(({ name, text }) => manifestsIn(name, text));
  checkNamespaces(manifests, namespace);
  return take(manifests.filter((manifest) => counts(manifest, namespace)));
}

interface Text {
  readonly name: string;
  readonly text: string;
}

async function readText(file: string): Promise<Text> {
  if (file === STANDARD_INPUT) return { name: 'standard input', text: await readAll(process.stdin) };
  try {
    return { name: file, text: await readFile(file, 'utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UserError(`${quoted(file)}: expected a file that can be read, found ${found(code)}`);
  }
}

function found(code: string): string {
  if (code === 'ENOENT') return 'none; correct the name';
  if (code === 'EISDIR') return 'a directory; name its files, each with --filename';
  return code;
}

function manifestsIn(name: string, text: string): readonly Manifest[] {
  const documents = parse(name, text);
  return documents.flatMap((document, index) => {
    const place = documents.length === 1 ? name : `${name}, document ${index + 1}`;
    // What stands between two `---` may be nothing at all.
    if (document === null || document === undefined) return [];
    return objectsIn(document, place);
  });
}

/** Says where, and never what: the parser's own message quotes the line, and that may hold a password. */
function parse(name: string, text: string): readonly unknown[] {
  try {
    return loadAll(text);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { mark, reason } = error;
    const where = mark === undefined ? '' : `, line ${mark.line + 1}, column ${mark.column + 1}`;
    throw new UserError(`${name}${where}: expected YAML or JSON, found ${faultOf(reason)}; correct it`);
  }
}

/** What the parser found, or that it is something else than it expected. */
function faultOf(reason: string): string {
  if (!/^[a-z ,-]+$/.test(reason)) return 'something else';
  return reason.endsWith(' expected') ? `something else (${reason})` : reason;
}

function objectsIn(document: unknown, place: string): readonly Manifest[] {
  if (isList(document)) {
    return document.items.flatMap((item, index) =>
      objectsIn(withTypeOf(document, item), `${place}, item ${index + 1}`),
    );
  }
  return [manifestOf(document, place)];
}

/** Items of a `SecretList` do not say what they are. */
function withTypeOf(list: { readonly apiVersion: string; readonly kind: string }, item: unknown): unknown {
  const kind = list.kind.slice(0, -'List'.length);
  return isRecord(item) && item['kind'] === undefined && kind !== ''
    ? { apiVersion: list.apiVersion, kind, ...item }
    : item;
}

function counts({ metadata }: Manifest, namespace: string | undefined): boolean {
  return namespace === undefined || metadata.namespace === undefined || metadata.namespace === namespace;
}

function checkNamespaces(manifests: readonly Manifest[], namespace: string | undefined): void {
  const all = manifests.filter(isOfConcern).map(({ metadata }) => metadata.namespace);
  const names = [...new Set(all.filter((name) => name !== undefined))];
  const found = names.sort().map(quoted).join(', ');
  if (namespace === undefined && names.length > 1) {
    throw new UserError(`expected objects of one namespace, found ${found}; say which with --namespace`);
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

/** By apiVersion and kind: what is made of an object, or why nothing can be. */
const KINDS: Readonly<Record<string, 'Secret' | 'Binding' | 'ScheduledScan'>> = {
  'v1 Secret': 'Secret',
  [`${ImageCredentialBinding.apiVersion} ${ImageCredentialBinding.kind}`]: 'Binding',
  'execution.securecodebox.io/v1 ScheduledScan': 'ScheduledScan',
};

function kindOf({ apiVersion, kind }: Manifest) {
  const name = `${apiVersion} ${kind}`;
  return Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
}

function isOfConcern(manifest: Manifest): boolean {
  return kindOf(manifest) !== undefined;
}

function take(manifests: readonly Manifest[]): Inventory {
  const taken = { secrets: named<SourceSecret>(), bindings: named<Binding>(), scans: named<ScheduledScan>() };
  const remarks: string[] = [];
  for (const manifest of manifests) {
    const problem = takeOne(manifest, taken);
    if (problem !== undefined) remarks.push(`${manifest.place}: ${problem}; passed over`);
  }
  const others = new Set(manifests.filter((manifest) => !isOfConcern(manifest)).map(({ kind }) => kind));
  if (others.size > 0)
    remarks.push(`passed over what is of no concern here: ${[...others].map(quoted).join(', ')}`);
  return {
    named: 'All',
    secrets: [...taken.secrets.values()],
    bindings: [...taken.bindings.values()],
    scheduledScans: [...taken.scans.values()],
    allScans: false,
    remarks,
  };
}

/** By name; as with kubectl apply, of two the later counts. */
function named<T>(): Map<string, T> {
  return new Map<string, T>();
}

interface Taken {
  readonly secrets: Map<string, SourceSecret>;
  readonly bindings: Map<string, Binding>;
  readonly scans: Map<string, ScheduledScan>;
}

/** @returns what is wrong with the object, if something is. */
function takeOne(manifest: Manifest, taken: Taken): string | undefined {
  switch (kindOf(manifest)) {
    case 'Secret':
      return takeSecret(manifest, taken);
    case 'Binding':
      return takeBinding(manifest, taken);
    case 'ScheduledScan':
      return takeScan(manifest, taken);
    case undefined:
      return undefined;
  }
}

function takeSecret(manifest: Manifest, { secrets }: Taken): string | undefined {
  const content = secretData(manifest);
  if (content.result === 'Malformed') return content.message;
  const { type, data } = content;
  secrets.set(manifest.metadata.name, readSourceSecret({ metadata: manifest.metadata, type, data }));
  return undefined;
}

function takeBinding({ object }: Manifest, { bindings }: Taken): string | undefined {
  try {
    // Only when it has been validated is it what it is taken for here.
    const binding = object as unknown as RawBinding & IImageCredentialBinding;
    new ImageCredentialBinding(binding).validate();
    const read = readBinding(binding);
    if (read.validity === 'Invalid') return read.message;
    bindings.set(read.name, read);
    return undefined;
  } catch (error) {
    if (error instanceof ValidationError) return error.message.replaceAll('\n', '; ');
    throw error;
  }
}

function takeScan(manifest: Manifest, { scans }: Taken): string | undefined {
  const problem = scanProblem(manifest);
  if (problem !== undefined) return problem;
  // The shape has just been looked at.
  const scan = readScheduledScan(manifest.object as unknown as RawScheduledScan);
  scans.set(scan.name, scan);
  return undefined;
}

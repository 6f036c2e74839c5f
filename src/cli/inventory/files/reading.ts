import { createReadStream, readFileSync } from 'node:fs';
import { UserError } from '../../errors.ts';
import { type ListedFile, STANDARD_INPUT, unreadable } from './listing.ts';

const MIB = 1024 * 1024;
/** Limit on the size of all files together, in bytes. */
const MOST_BYTES = 64 * MIB;

/** The text of a file. */
export interface FileText {
  /** For messages. */
  readonly name: string;
  readonly text: string;
  readonly isInFolder: boolean;
}

/**
 * Reads files, and at most {@link MOST_BYTES} of them.
 *
 * @throws UserError if a file cannot be read, or if they are too large
 */
export async function readTexts(files: readonly ListedFile[]): Promise<readonly FileText[]> {
  const texts: FileText[] = [];
  let left = MOST_BYTES;
  for (const file of files) {
    const { name, isInFolder } = file;
    const content = await contentOf(file, left);
    left -= content.length;
    const shown = name === STANDARD_INPUT ? 'standard input' : name;
    texts.push({ name: shown, text: decoded(content), isInFolder });
  }
  return texts;
}

/** As in kubectl, a byte order mark decides whether a file is UTF-16, which PowerShell writes, and not UTF-8. */
function decoded(bytes: Buffer): string {
  const encoding = [UTF_16LE, UTF_16BE].find(({ mark }) => bytes.subarray(0, 2).equals(mark));
  return new TextDecoder(encoding?.name ?? 'utf-8').decode(bytes);
}

const UTF_16LE = { name: 'utf-16le', mark: Buffer.from([0xff, 0xfe]) };
const UTF_16BE = { name: 'utf-16be', mark: Buffer.from([0xfe, 0xff]) };

/** @param most - in bytes */
async function contentOf({ name, size }: ListedFile, most: number): Promise<Buffer> {
  if (size !== undefined && size > most) throw tooLarge(name);
  try {
    // Synchronous, because a thousand small files take several times as long otherwise.
    if (size !== undefined) return readFileSync(name);
    return await readStream(name, most);
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(name, error, 'file');
  }
}

/** Reads standard input, or a file of unknown size, such as a pipe. */
async function readStream(name: string, most: number): Promise<Buffer> {
  const stream = name === STANDARD_INPUT ? process.stdin : createReadStream(name);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) throw tooLarge(name);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(name: string): UserError {
  const file = name === STANDARD_INPUT ? 'standard input' : JSON.stringify(name);
  return new UserError(
    `expected files of at most ${MOST_BYTES / MIB} MiB together, found more in ${file}; name fewer files or folders`,
  );
}

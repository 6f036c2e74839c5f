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
    texts.push({ name: shown, text: content.toString('utf8'), isInFolder });
  }
  return texts;
}

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

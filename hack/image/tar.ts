const BLOCK_SIZE = 512;

/** A file or a directory in a tar archive. Its owner is root, and its time of change is 1970. */
export interface TarEntry {
  /** Relative, at most 100 bytes. */
  readonly path: string;
  /** undefined: a directory. */
  readonly content?: string | Uint8Array;
  /** Permissions. The default is 0644 for a file, and 0755 for a directory. */
  readonly mode?: number;
}

/**
 * Creates a tar archive (POSIX ustar). The result is deterministic.
 *
 * @throws Error if a path is too long
 */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '');
    return [tarHeader(entry, content.length), content, Buffer.alloc(-content.length & (BLOCK_SIZE - 1))];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_SIZE)]);
}

function tarHeader({ path, content, mode }: TarEntry, size: number): Buffer {
  if (Buffer.byteLength(path) > 100)
    throw new Error(`expected a path of at most 100 bytes, found ${path}; shorten it`);
  const isDirectory = content === undefined;
  const header = Buffer.alloc(BLOCK_SIZE);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  header.write(path, 0);
  header.write(octal(mode ?? (isDirectory ? 0o755 : 0o644), 7), 100);
  header.write(octal(0, 7), 108); // owner
  header.write(octal(0, 7), 116); // group
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136); // time of change
  header.write(' '.repeat(8), 148); // the checksum counts itself as blanks
  header.write(isDirectory ? '5' : '0', 156);
  header.write('ustar\0' + '00', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

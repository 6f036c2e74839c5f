const BLOCK_SIZE = 512;

/**
 * Creates a tar archive (POSIX ustar) of regular files. The result is deterministic.
 *
 * @param files - contents by path, of at most 100 bytes each
 */
export function tar(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).flatMap(([path, text]) => {
    const content = Buffer.from(text);
    return [tarHeader(path, content.length), content, Buffer.alloc(-content.length & (BLOCK_SIZE - 1))];
  });
  return Buffer.concat([...entries, Buffer.alloc(2 * BLOCK_SIZE)]);
}

function tarHeader(path: string, size: number): Buffer {
  if (Buffer.byteLength(path) > 100)
    throw new Error(`expected a path of at most 100 bytes, found ${path}; shorten it`);
  const header = Buffer.alloc(BLOCK_SIZE);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  header.write(path, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108); // owner
  header.write(octal(0, 7), 116); // group
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136); // time of change
  header.write(' '.repeat(8), 148); // the checksum counts itself as blanks
  header.write('0', 156); // a regular file
  header.write('ustar\0' + '00', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

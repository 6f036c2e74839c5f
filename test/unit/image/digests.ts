/** Well-formed digests of each algorithm. */
export const SHA256 = `sha256:${'a'.repeat(64)}`;
export const SHA384 = `sha384:${'b'.repeat(96)}`;
export const SHA512 = `sha512:${'c'.repeat(128)}`;

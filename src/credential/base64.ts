const LINE_BREAKS = /[\r\n]/g;
const NOT_IN_ALPHABET = /[^A-Za-z0-9+/]/;

/**
 * Decodes standard base64, with or without padding and line breaks. Accepts exactly what the kubelet accepts as `auth`
 * (`decodeDockerConfigFieldAuth` in k8s.io/kubernetes/pkg/credentialprovider/config.go). Node's own decoder skips
 * characters that are not base64, which would result in a wrong password.
 *
 * @returns undefined if the text is not base64.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const joined = text.replace(LINE_BREAKS, '');
  const unpadded = withoutPadding(joined);
  const padded = unpadded.length < joined.length;
  const whole = padded ? joined.length % 4 === 0 : joined.length % 4 !== 1;
  return whole && !NOT_IN_ALPHABET.test(unpadded) ? Buffer.from(unpadded, 'base64') : undefined;
}

function withoutPadding(text: string): string {
  if (text.endsWith('==')) {
    return text.slice(0, -2);
  }
  return text.endsWith('=') ? text.slice(0, -1) : text;
}

/**
 * Whether bytes are base64 themselves, of something that the predicate accepts: a value that was encoded twice. Ignores
 * blanks around the text.
 */
export function isEncoded(bytes: Uint8Array, accepts: (decoded: Buffer) => boolean): boolean {
  const decoded = decodeBase64(Buffer.from(bytes).toString('latin1').trim());
  return decoded !== undefined && accepts(decoded);
}

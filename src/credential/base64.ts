const LINE_BREAKS = /[\r\n]/g;
const NOT_IN_ALPHABET = /[^A-Za-z0-9+/]/;

/**
 * Decodes standard base64, padded or not, with or without line breaks: exactly what the kubelet takes as `auth`
 * (`decodeDockerConfigFieldAuth` in k8s.io/kubernetes/pkg/credentialprovider/config.go). Node's own decoder
 * passes over what is not base64, and would make a wrong password of it.
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

import { readObject } from '../text/index.ts';
import { decodeBase64 } from './base64.ts';
import type { Credential } from './credential.ts';

/** What is probably a mistake in a text, by the predicate that says so. The first one that matches is reported. */
const FAULTS: readonly (readonly [fault: string, pattern: RegExp])[] = [
  ['ends with a line break', /[\r\n\u0085\u2028\u2029]$/],
  ['contains a line break', /[\r\n\u0085\u2028\u2029]/],
  ['contains a control character', /\p{Cc}/u],
  ['begins or ends with white space', /^\s|\s$/],
  ['contains an invisible character', /\p{Cf}/u],
];

const PRINTABLE = /^[ -~]+[\r\n]*$/;

/**
 * What is probably a mistake in a login, although registries may accept it: `the password ends with a line break`. Such
 * a login is delivered unchanged. Contains no value.
 */
export function loginFaults(login: Credential): readonly string[] {
  if (login.kind !== 'basic') return faultsOf('token', login.token.reveal());
  const [username, password] = [login.username.reveal(), login.password.reveal()];
  const faults = [...faultsOf('user name', username), ...faultsOf('password', password)];
  const isEncoded = looksEncoded(username) && looksEncoded(password);
  return isEncoded
    ? [...faults, 'the user name and the password look as if they were encoded in base64 twice']
    : faults;
}

function faultsOf(what: string, text: string): readonly string[] {
  const found = FAULTS.find(([, pattern]) => pattern.test(text));
  // A key file of Google that is used as a password may have several lines.
  return found === undefined || readObject(text) !== undefined ? [] : [`the ${what} ${found[0]}`];
}

/** Whether a text is base64 of printable text. A word of that alphabet almost never is. */
function looksEncoded(text: string): boolean {
  const bytes = text.length % 4 === 0 ? decodeBase64(text) : undefined;
  return bytes !== undefined && PRINTABLE.test(bytes.toString('latin1'));
}

import type { Credential } from './credential.ts';

/** In characters. A longer header is refused by registries, and not sent by the check. */
const LONGEST_REGISTRY_TOKEN = 32_768;
/** The characters that a header may contain. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/**
 * Why Trivy would not send this login to a registry, or would change it first; undefined: it sends the login unchanged.
 * Such a login must not be used, because a check with it proves nothing about the scan. Contains no value.
 *
 * Sources: `decodeAuth` in github.com/docker/cli/cli/config/configfile, and `RoundTrip` in
 * github.com/google/go-containerregistry/pkg/v1/remote/transport/basic.go, as in Trivy 0.74.0.
 */
export function sendingProblem(login: Credential): string | undefined {
  switch (login.kind) {
    case 'basic':
      return basicProblem(login.username.reveal(), login.password.reveal());
    case 'registryToken':
      return tokenProblem(login.token.reveal());
    case 'identityToken':
      return undefined;
  }
}

function basicProblem(username: string, password: string): string | undefined {
  if (password === '') return EMPTY_PASSWORD;
  if (username.startsWith(':')) return COLON_FIRST;
  return password.startsWith('\0') || password.endsWith('\0') ? NUL : undefined;
}

function tokenProblem(token: string): string | undefined {
  if (token.length > LONGEST_REGISTRY_TOKEN) return LONG_TOKEN;
  return VISIBLE_ASCII.test(token) ? undefined : TOKEN_CHARACTERS;
}

const EMPTY_PASSWORD =
  'expected a password, found an empty one, and Trivy sends no credential without a password; if the user name is a ' +
  'token, use it as the password (many registries accept any user name with a token)';

const COLON_FIRST =
  'expected a user name, found a colon at its beginning, which Trivy reads as an empty user name; correct the user name';

const NUL =
  'expected a password that neither begins nor ends with a NUL character, found such a character, which Trivy removes; ' +
  'correct the password';

const LONG_TOKEN = `expected a registry token of at most ${LONGEST_REGISTRY_TOKEN} characters, found a longer one; correct the token`;

const TOKEN_CHARACTERS =
  'expected only visible ASCII characters in the registry token, found another character, which no HTTP header can ' +
  'contain; correct the token';

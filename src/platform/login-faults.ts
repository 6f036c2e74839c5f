import { loginFaults } from '../credential/index.ts';
import type { SourceCredential } from './platform-credential.ts';

/**
 * What is probably a mistake in the login of a Secret: `the password ends with a line break`. Contains no value. Empty for
 * a credential that is exchanged for a login.
 */
export function faultsIn(credential: SourceCredential): readonly string[] {
  const login = credential.kind === 'platform' ? credential.login : credential;
  return login === undefined ? [] : loginFaults(login);
}

import type { Credential } from '../credential/index.ts';
import type { EnvVar } from '../object/index.ts';
import type { Exchange } from './exchange.ts';
import type { Access, PlatformCredential, SourceCredential } from './platform-credential.ts';
import { platformOf } from './platforms.ts';
import { loginEnvironment, loginFiles, type TrivyAuth } from './trivy-auth.ts';

/** How to deliver a credential to Trivy, so that it can pull from a host. */
export type DeliveryPlan =
  | { readonly result: 'TrivyAuth'; readonly trivyAuth: TrivyAuth }
  /**
   * The cloud must issue a login first ({@link exchangeOf}). {@link authByLogin} turns the login into files. The login
   * must be renewed before it expires. `env` does not depend on the login.
   */
  | { readonly result: 'ExchangeFirst'; readonly env: readonly EnvVar[] }
  | { readonly result: 'Undeliverable'; readonly message: string };

/** How to deliver a credential to Trivy for this host. */
export function planDelivery(credential: SourceCredential, host: string): DeliveryPlan {
  if (credential.kind !== 'platform')
    return { result: 'TrivyAuth', trivyAuth: authByLogin(credential, host) };
  const { delivery } = credential.accessTo(host);
  switch (delivery.way) {
    case 'Files':
      return { result: 'TrivyAuth', trivyAuth: delivery.trivyAuth };
    case 'Login':
      return { result: 'TrivyAuth', trivyAuth: authByLogin(delivery.credential, host) };
    case 'Exchange':
      return { result: 'ExchangeFirst', env: loginEnvironment(platformOf(host).off) };
    case 'None':
      return { result: 'Undeliverable', message: delivery.message };
  }
}

/** How Trivy authenticates to a host with a login from a pull secret, or a login that a cloud has issued. */
export function authByLogin(login: Credential, host: string): TrivyAuth {
  return { files: loginFiles(login, host), env: loginEnvironment(platformOf(host).off) };
}

/** How to check whether a registry accepts a credential. */
export function checkOf(credential: SourceCredential, host: string): Access['check'] {
  return credential.kind === 'platform' ? credential.accessTo(host).check : { way: 'Login', credential };
}

/** How the cloud issues a login for this host. `undefined`: neither Trivy nor the check needs one. */
export function exchangeOf(credential: PlatformCredential, host: string): Exchange | undefined {
  const { delivery, check } = credential.accessTo(host);
  const [access] = [delivery, check].filter((each) => each.way === 'Exchange');
  return access?.exchange;
}

import type { Credential } from '../credential/index.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { endOfLogin } from './ends.ts';
import type { Exchange } from './exchange.ts';
import { generic } from './generic.ts';
import { google } from './google.ts';
import { type EnvEntry, type Handover, loginEnvironment, loginFiles } from './handover.ts';
import { REGISTRIES_ANNOTATION, readOffer } from './offer.ts';
import type { Platform, PlatformCredential, WaysIn } from './platform.ts';
import type { SecretContent } from './secret.ts';

/** In the order in which they are asked; the last one owns every host. */
const PLATFORMS: readonly Platform[] = [aws, google, azure, generic];

/** The platform of a registry host. */
export function platformOf(host: string): Platform {
  return PLATFORMS.find((platform) => platform.owns(host)) ?? generic;
}

/** What a Secret that is no pull secret gives. No message has a value of it. */
export type OfferedSecret =
  /** A credential, and the hosts that its owner lets be shown it: exactly these, but for other clouds'. */
  | { readonly result: 'Offered'; readonly credential: PlatformCredential; readonly hosts: readonly string[] }
  /** It holds one, but its owner has not said for whom. */
  | { readonly result: 'NotOffered'; readonly message: string }
  | { readonly result: 'Malformed'; readonly message: string }
  /** It has none of the keys of a credential that is known here. */
  | { readonly result: 'Unknown' };

/**
 * Reads a Secret that is no pull secret: AWS keys, a Google key file, an Azure service principal,
 * `kubernetes.io/basic-auth`. These name no registry, so the owner does, in an annotation.
 */
export function readOfferedSecret(
  secret: SecretContent,
  annotations: Readonly<Record<string, string>>,
): OfferedSecret {
  const [found, ambiguous] = PLATFORMS.map((platform) => ({
    platform,
    credential: platform.readSecret(secret),
  })).filter(({ credential }) => credential !== undefined);
  if (found?.credential === undefined) return { result: 'Unknown' };
  const { platform, credential } = found;
  const offer = readOffer(annotations);
  if (offer.result !== 'Hosts') return offer;
  if (ambiguous !== undefined) return SEVERAL;
  if (credential.result === 'Malformed') return credential;
  const hosts = offer.hosts.filter((host) => mayServe(platform, host));
  return hosts.length === 0 ? elsewhere(platform) : { result: 'Offered', credential, hosts };
}

/**
 * A cloud's credential opens no other cloud's registry. A secret that is offered to the old and the new home of an image
 * may hold either's credential, and must not be used for the other meanwhile.
 */
function mayServe(platform: Platform, host: string): boolean {
  const owner = platformOf(host);
  return platform === generic || owner === generic || owner === platform;
}

function elsewhere({ name }: Platform): OfferedSecret {
  const message =
    `expected a registry of ${name}, or one under a name of its own, in the annotation ${REGISTRIES_ANNOTATION} of a ` +
    'secret with a credential of that cloud, found those of other clouds alone; name another';
  return { result: 'Malformed', message };
}

const SEVERAL: OfferedSecret = {
  result: 'Malformed',
  message: 'expected one credential in the secret, found those of several clouds; make a secret for each',
};

/** What a Secret holds for a registry: a login of a pull secret, or a credential that its owner has offered. */
export type SourceCredential = Credential | PlatformCredential;

/** When a credential ends, in milliseconds since 1970; undefined: it does not say. */
export function endOf(credential: SourceCredential): number | undefined {
  return credential.kind === 'platform' ? credential.ends : endOfLogin(credential);
}

/** What is to be done so that Trivy can pull from a host with a credential. */
export type Delivery =
  | { readonly result: 'Handover'; readonly handover: Handover }
  /**
   * The cloud must be asked for a login first ({@link exchangeOf}); {@link handOver} takes it, and it must be renewed before
   * it ends. The environment is known before.
   */
  | { readonly result: 'ExchangeFirst'; readonly env: readonly EnvEntry[] }
  | { readonly result: 'Undeliverable'; readonly message: string };

/** How a credential reaches Trivy for this host. */
export function deliveryOf(credential: SourceCredential, host: string): Delivery {
  if (credential.kind !== 'platform') return { result: 'Handover', handover: handOver(credential, host) };
  const { delivery } = credential.waysIn(host);
  switch (delivery.way) {
    case 'Files':
      return { result: 'Handover', handover: delivery.handover };
    case 'Login':
      return { result: 'Handover', handover: handOver(delivery.credential, host) };
    case 'Exchange':
      return { result: 'ExchangeFirst', env: loginEnvironment(platformOf(host).off) };
    case 'None':
      return { result: 'Undeliverable', message: delivery.message };
  }
}

/** What Trivy is handed to pull from a host with a login: of a pull secret, or one that a cloud gave. */
export function handOver(login: Credential, host: string): Handover {
  return { files: loginFiles(login, host), env: loginEnvironment(platformOf(host).off) };
}

/** How it can be found out whether a credential opens a registry. */
export function checkOf(credential: SourceCredential, host: string): WaysIn['check'] {
  return credential.kind === 'platform' ? credential.waysIn(host).check : { way: 'Login', credential };
}

/** How the cloud gives a login for this host, where Trivy or the question needs one; undefined: none does. */
export function exchangeOf(credential: PlatformCredential, host: string): Exchange | undefined {
  const { delivery, check } = credential.waysIn(host);
  const [way] = [delivery, check].filter((each) => each.way === 'Exchange');
  return way?.exchange;
}

import type { Credential } from '../credential/index.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import type { Exchange } from './exchange.ts';
import { generic } from './generic.ts';
import { google } from './google.ts';
import type { Handover } from './handover.ts';
import { readOffer } from './offer.ts';
import type { Platform, PlatformCredential } from './platform.ts';
import type { SecretContent } from './secret.ts';

export { endOf } from './ends.ts';
export type { Exchange, ExchangeStep } from './exchange.ts';
export { type Handover, MOUNT_PATH } from './handover.ts';
export { REGISTRIES_ANNOTATION } from './offer.ts';
export type { Platform, PlatformCredential, PlatformName } from './platform.ts';

/** In the order in which they are asked; the last one owns every host. */
const PLATFORMS: readonly Platform[] = [aws, google, azure, generic];

/** The platform of a registry host. */
export function platformOf(host: string): Platform {
  return PLATFORMS.find((platform) => platform.owns(host)) ?? generic;
}

/** What a Secret that is no pull secret gives. No message has a value of it. */
export type OfferedSecret =
  /** A credential, and the hosts that its owner lets be shown it: exactly these. */
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
  const [credential, ambiguous] = PLATFORMS.map((platform) => platform.readSecret(secret)).filter(
    (found) => found !== undefined,
  );
  if (credential === undefined) return { result: 'Unknown' };
  const offer = readOffer(annotations);
  if (offer.result !== 'Hosts') return offer;
  if (ambiguous !== undefined) return SEVERAL;
  if (credential.result === 'Malformed') return credential;
  return { result: 'Offered', credential, hosts: offer.hosts };
}

const SEVERAL: OfferedSecret = {
  result: 'Malformed',
  message: 'expected one credential in the secret, found those of several clouds; make a secret for each',
};

/** What is to be done so that Trivy can pull from a host with an offered credential. */
export type Delivery =
  | { readonly result: 'Handover'; readonly handover: Handover }
  /** The cloud must be asked for a login first; {@link handOver} takes it, and it must be renewed before it ends. */
  | { readonly result: 'ExchangeFirst'; readonly exchange: Exchange }
  | { readonly result: 'Undeliverable'; readonly message: string };

/** How an offered credential reaches Trivy for this host. */
export function deliveryOf(credential: PlatformCredential, host: string): Delivery {
  const { delivery } = credential.waysIn(host);
  switch (delivery.way) {
    case 'Files':
      return { result: 'Handover', handover: delivery.handover };
    case 'Login':
      return { result: 'Handover', handover: handOver(delivery.credential, host) };
    case 'Exchange':
      return { result: 'ExchangeFirst', exchange: delivery.exchange };
    case 'None':
      return { result: 'Undeliverable', message: delivery.message };
  }
}

/** What Trivy is handed to pull from a host with a login: of a pull secret, or one that a cloud gave. */
export function handOver(credential: Credential, host: string): Handover {
  return platformOf(host).handOver(credential, host);
}

import { aws } from './aws/index.ts';
import { azure } from './azure/index.ts';
import { generic } from './generic/index.ts';
import { google } from './google/index.ts';

/** All platforms, in the order of precedence. `generic` is the last one, because every host belongs to it. */
export const PLATFORMS = [aws, google, azure, generic] as const;

const PORT = /:\d+$/;

type ListedPlatform = (typeof PLATFORMS)[number];

/** The names of the platforms, as in `status.platform`. */
export type PlatformName = ListedPlatform['name'];

/**
 * The platform of a registry host. Letter case does not matter, because it does not matter in DNS. A port does: the tools
 * of the clouds, and Trivy, use no cloud for a host with a port.
 *
 * Includes each host for which Trivy would use credentials of a cloud: only then are they disabled. It includes more, which
 * `test/e2e/platform/hosts.test.ts` lists with the reasons.
 */
export function platformOf(host: string): ListedPlatform {
  const name = host.toLowerCase();
  return PLATFORMS.find((platform) => platform.owns(name)) ?? generic;
}

/**
 * Whether a credential of this platform can give access to the registry at a host. A credential of one cloud never gives
 * access to a registry of another cloud. A Secret that is annotated with the previous and the new registry of an image
 * may hold the credential for either of them, and must not be used for the other one. A port makes no difference here,
 * because it does not change whose server it is.
 */
export function mayOpen(platform: ListedPlatform, host: string): boolean {
  const owner = platformOf(host.replace(PORT, ''));
  return platform === generic || owner === generic || owner === platform;
}

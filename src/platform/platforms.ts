import { aws } from './aws/index.ts';
import { azure } from './azure/index.ts';
import { generic } from './generic/index.ts';
import { google } from './google/index.ts';

/** All platforms, in the order of precedence. `generic` is the last one, because every host belongs to it. */
export const PLATFORMS = [aws, google, azure, generic] as const;

type ListedPlatform = (typeof PLATFORMS)[number];

/** The names of the platforms, as in `status.platform`. */
export type PlatformName = ListedPlatform['name'];

/** The platform of a registry host. */
export function platformOf(host: string): ListedPlatform {
  return PLATFORMS.find((platform) => platform.owns(host)) ?? generic;
}

/**
 * Whether a credential of this platform can give access to the registry at a host. A credential of one cloud never gives
 * access to a registry of another cloud. A Secret that is annotated with the previous and the new registry of an image
 * may hold the credential for either of them, and must not be used for the other one.
 */
export function mayOpen(platform: ListedPlatform, host: string): boolean {
  const owner = platformOf(host);
  return platform === generic || owner === generic || owner === platform;
}

import { generic } from './generic.ts';
import type { Platform } from './platform.ts';

export { MOUNT_PATH, type Platform } from './platform.ts';

/** In the order in which they are asked; the last one owns every host. */
const PLATFORMS: readonly Platform[] = [generic];

/** The platform of a registry host. */
export function platformOf(host: string): Platform {
  return PLATFORMS.find((platform) => platform.owns(host)) ?? generic;
}

import type { Credential } from '../credential/index.ts';
import { PLATFORMS } from './platforms.ts';

const PUBLIC_USERNAMES: ReadonlySet<string> = new Set(
  PLATFORMS.flatMap(({ publicUsernames }) => publicUsernames),
);

/** The user name, if it is one that everybody knows (`AWS`, `_json_key`, …) and may thus be published. */
export function publicUsername(credential: Credential): string | undefined {
  if (credential.kind === 'registryToken') return undefined;
  const username = credential.username.reveal();
  return PUBLIC_USERNAMES.has(username) ? username : undefined;
}

import type { Credential } from '../credential/index.ts';
import { PLATFORMS } from './platforms.ts';

const PUBLIC_USERNAMES: ReadonlySet<string> = new Set(
  PLATFORMS.flatMap(({ publicUsernames }) => publicUsernames),
);

/** The user name, if it is publicly known (`AWS`, `_json_key`, …) and may therefore be published; otherwise undefined. */
export function publicUsername(credential: Credential): string | undefined {
  if (credential.kind === 'registryToken') return undefined;
  const username = credential.username.reveal();
  return PUBLIC_USERNAMES.has(username) ? username : undefined;
}

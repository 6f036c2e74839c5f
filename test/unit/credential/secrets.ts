import { type PullSecretContent, parsePullSecret } from '../../../src/credential/pull-secret.ts';

export const DOCKER_CONFIG_JSON = 'kubernetes.io/dockerconfigjson';

/** Base64 as in `auth` and in the values of a Secret. */
export function base64(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64');
}

/** Parses a pull secret of the older type with this text as its Docker configuration. */
export function parseDockercfg(text: string): PullSecretContent {
  return parsePullSecret('kubernetes.io/dockercfg', { '.dockercfg': base64(text) });
}

/** Parses a pull secret with this text as its Docker configuration. */
export function parseText(text: string | Uint8Array): PullSecretContent {
  return parsePullSecret(DOCKER_CONFIG_JSON, { '.dockerconfigjson': base64(text) });
}

/** Parses a pull secret with these entries. */
export function parseAuths(auths: unknown): PullSecretContent {
  return parseText(JSON.stringify({ auths }));
}

/** All text that a parsed pull secret would put into a condition, an Event or a log line. */
export function messagesOf(secret: PullSecretContent): string {
  return secret.result === 'Malformed' ? secret.message : secret.problems.join('\n');
}

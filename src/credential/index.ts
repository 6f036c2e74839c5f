export { type Credential, publicUsername } from './credential.ts';
export type { KeyringEntry } from './docker-config.ts';
export { type Candidate, keyring, lookup } from './keyring.ts';
export { type PullSecretContent, parsePullSecret } from './pull-secret.ts';
export { SecretValue } from './secret-value.ts';

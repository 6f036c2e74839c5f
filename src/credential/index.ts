export { decodeBase64 } from './base64.ts';
export type { Credential } from './credential.ts';
export { type Candidate, type Keyring, keyring, type Lookup, lookup, type NamedKeyring } from './keyring.ts';
export { loginFaults } from './login-faults.ts';
export { DOCKER_HUB_KEY, misreadingOf } from './misreading.ts';
export { type NearMiss, nearMisses } from './near-miss/index.ts';
export {
  PULL_SECRET_TYPES,
  type PullSecretContent,
  type PullSecretType,
  parsePullSecret,
} from './pull-secret.ts';
export { SecretValue } from './secret-value.ts';
export { sendingProblem } from './sendable.ts';
export type { TrivyFile } from './trivy-file.ts';

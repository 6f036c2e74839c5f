export { type Candidate, describeCandidate } from './candidate.ts';
export {
  type DesiredTrivySecret,
  desiredTrivySecret,
  holdsSource,
  isKnown,
  type KnownTrivySecret,
  type TrivySecretInput,
} from './desired-trivy-secret.ts';
export { directDelivery } from './direct-delivery.ts';
export {
  isManagedSecret,
  type NamedSecret,
  namedSecret,
  notAnnotated,
  readNamedSecret,
} from './named-secret.ts';
export { findNearMisses, type NearMiss } from './near-miss.ts';
export { type OtherSecret, readOtherSecret } from './other-secret.ts';
export type { RawSecret } from './raw-secret.ts';
export { isPullSecret, readSource, readSourceSecret, type SourceSecret } from './source-secret.ts';
export { type SecretOwner, temporarySecretName } from './temporary-secret.ts';
export { readTrivySecret, replacement, type TrivySecret } from './trivy-secret.ts';
export {
  holdsEntry,
  identityOf,
  isTrivySecretName,
  sameIdentity,
  type TrivySecretIdentity,
  trivySecretName,
} from './trivy-secret-identity.ts';

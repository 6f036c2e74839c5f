export type { Candidate } from './candidate.ts';
export type { NamedSecret, RawSecret } from './pull-secret.ts';
export { readSource, readSourceSecret, type SourceSecret } from './source-secret.ts';
export {
  type DesiredTrivySecret,
  desiredTrivySecret,
  holdsEntry,
  holdsSource,
  identityOf,
  isKnown,
  isTrivySecretName,
  type KnownTrivySecret,
  type Making,
  readTrivySecret,
  replacement,
  sameIdentity,
  type TrivySecret,
  type TrivySecretIdentity,
  trivySecretName,
} from './trivy-secret.ts';

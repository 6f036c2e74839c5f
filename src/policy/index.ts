export {
  type Choice,
  type Credentials,
  choose,
  chosenCandidate,
  credentialsOf,
  type Evidence,
  evidenceInStatus,
  firstAnswerDeadline,
  hasUnread,
  isVerifying,
  type Puller,
  permitsBinding,
  type Resolution,
  unusableReason,
  versionOf,
} from './credential-choice.ts';
export { expirationChanges, expirationInUse, expirationState, expirationTime } from './expiration.ts';
export { type Limit, migratesWithin, replacersIn, rivalsAmong, withinLimits } from './limits.ts';
export {
  type MigrationDecision,
  migratedImage,
  migrationCause,
  migrationOf,
  namesPreviousImage,
  nextMigration,
  unreportedMigration,
} from './migration.ts';
export {
  bindingKeys,
  bindingsForImage,
  fits,
  fittingBindings,
  imageKeys,
  type RivalLookup,
  scanTypesOf,
  selectsScan,
} from './precedence.ts';
export { LONGEST_CHAIN, replacesChain } from './replaces-chain.ts';
export {
  applicableRevertedWrite,
  lastingAt,
  MANY_REVERSIONS,
  MOST_REVERSIONS,
  MOST_REVERTED_WRITES,
  nextWriteAt,
  REVERSION_WINDOW_MS,
  revertedWriteOf,
} from './reverted-writes.ts';
export { MOST_RIVALS, Rivals } from './rivals.ts';
export { type RoleContext, type ScanRole, scanRole } from './scan-role.ts';
export { acceptanceOf, isAccepted } from './verification-outcome.ts';

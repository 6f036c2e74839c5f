export {
  type Choice,
  type Credentials,
  choose,
  conditionOf,
  credentialsOf,
  delivered,
  type Evidence,
  hasUnread,
  isAble,
  isVerifying,
  type Puller,
  precedentOf,
  type Resolution,
  unusableReason,
  versionOf,
} from './credential-choice.ts';
export { endInUse, expirationTime, expiryOf, expiryTimes } from './expiry.ts';
export {
  chainOf,
  hasSameName,
  homeOf,
  isLeft,
  judgeMove,
  LONGEST_CHAIN,
  leavesBehind,
  type MoveVerdict,
  moveCause,
} from './migration.ts';
export {
  contenders,
  keysNaming,
  keysServed,
  matches,
  previousKey,
  type RivalsUnder,
  scanTypesOf,
  serversOf,
} from './precedence.ts';
export { MOST_RIVALS, Rivals, rivalsAmong } from './rivals.ts';
export { isAccepted, standingOf } from './verdict.ts';

export { type Challenge, parseChallenges } from './challenge.ts';
export { INTERNAL_LOGIN_ERROR } from './exchange.ts';
export { Logins, type WantedLogin } from './logins.ts';
export {
  type BearerChallenge,
  basicAuthorization,
  bearerAuthorization,
  readTokenReply,
  tokenRequest,
} from './token.ts';

export { imageToVerify, type VerificationRequests, verificationRequests } from './requests.ts';
export { restorableAnswers } from './restore.ts';
export { verifiedAt } from './verified-time.ts';
export { type Requester, Verifier } from './verifier.ts';

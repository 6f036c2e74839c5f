export { type Inquiry, imageInQuestion, inquire, waitEnd } from './requests.ts';
export { recollections } from './restore.ts';
export { verifiedAt } from './verified-time.ts';
export { Inquirer } from './verifier.ts';

export { authByLogin, checkOf, exchangeOf, planDelivery } from './access.ts';
export { readCredential } from './credential-reader.ts';
export { type Exchange, SigningError } from './exchange.ts';
export { expirationOf } from './expiration.ts';
export type { PlatformCredential, SourceCredential } from './platform-credential.ts';
export { platformOf } from './platforms.ts';
export { publicUsername } from './public-username.ts';
export { NOT_OFFERED, REGISTRIES_ANNOTATION } from './registries-annotation.ts';
export { MOUNT_PATH, type TrivyAuth } from './trivy-auth.ts';

export { type CertificatePlace, CertificateSecret, MissingSecret } from './certificate-secret.ts';
export { CertificateKeeper } from './keeper.ts';
export { expiresAt, splitCertificates } from './key-pair.ts';
export {
  ForeignConfiguration,
  MUTATING_WEBHOOKS,
  PROPAGATION_MS,
  registerWebhook,
  type WebhookConfiguration,
} from './registration.ts';

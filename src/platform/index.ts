export { type Exchange, SigningError } from './exchange.ts';
export { type EnvEntry, type Handover, MOUNT_PATH } from './handover.ts';
export { NOT_OFFERED, REGISTRIES_ANNOTATION } from './offer.ts';
export type { PlatformCredential } from './platform.ts';
export {
  checkOf,
  deliveryOf,
  endOf,
  exchangeOf,
  handOver,
  platformOf,
  readOfferedSecret,
  type SourceCredential,
} from './platforms.ts';

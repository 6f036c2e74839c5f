export { fingerprintOf } from './fingerprint.ts';
export { createdObject, patchOf } from './manifest.ts';
export { writesOf } from './writes.ts';

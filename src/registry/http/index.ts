export { type CheckContext, type RegistryRequestRecord, trust } from './check-context.ts';
export { Connections } from './connection.ts';
export { Lookups, lookupPlaces, type Resolver } from './lookups.ts';
export { checkProxySettings, proxySettings } from './proxy.ts';
export type { RegistryRequest, Reply } from './request.ts';
export { retryAt } from './retry-after.ts';
export { INTERNAL_ERROR, Settled, unreachable } from './settled.ts';

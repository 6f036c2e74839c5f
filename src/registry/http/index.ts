export {
  Connections,
  type RegistryRequest,
  type Reply,
  type RequestRecord,
  type Surroundings,
  trust,
} from './connection.ts';
export { Lookups, lookupPlaces, type Resolver } from './lookups.ts';
export { checkProxySettings, type ProxySettings, proxySettings } from './proxy.ts';
export { retryAt } from './retry-after.ts';
export { INTERNAL_ERROR, Settled, unreachable } from './settled.ts';

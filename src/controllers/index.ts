export {
  type ConditionContent,
  countByReadiness,
  countOwn,
  countTemporary,
  credentialExpirations,
  decideNewScan,
  type NewScanSources,
  notReady,
  type Preview,
  Previewer,
  Refused,
  withUnboundScans,
} from './binding/index.ts';
export type { Controller } from './controller.ts';
export { type ControllerOptions, type Controllers, createControllers } from './controllers.ts';
export type { DiscoverySettings } from './discovery/index.ts';

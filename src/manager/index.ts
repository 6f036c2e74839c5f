export { Controller, type ControllerSettings } from './manager.ts';
export type { Watch } from './watches.ts';

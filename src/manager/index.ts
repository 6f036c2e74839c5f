export { Manager } from './manager.ts';
export type { ManagerSettings } from './settings.ts';

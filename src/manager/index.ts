export { Controller, type ControllerSettings } from './manager.ts';

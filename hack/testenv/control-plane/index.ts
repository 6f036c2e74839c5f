export { ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';

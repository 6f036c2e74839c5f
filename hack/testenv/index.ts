/** The test environment, for the other folders of hack/. Tests import the defining files. */
export { ControlPlane, startControlPlane } from './control-plane/index.ts';
export { installChart, type RunningController, startController } from './controller.ts';
export { describe, ProcessGroup } from './processes/index.ts';
export { Registry, startRegistry } from './registry/index.ts';
export {
  type ScanRun,
  type SecureCodeBox,
  secureCodeBoxAccess,
  secureCodeBoxCrds,
  startSecureCodeBox,
  trivyImageScanType,
} from './securecodebox/index.ts';
export { preferInstalled, tools } from './tools/index.ts';

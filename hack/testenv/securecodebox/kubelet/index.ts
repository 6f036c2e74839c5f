export { Kubelet, type ScanRun } from './kubelet.ts';

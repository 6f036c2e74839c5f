export { ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
export { KUBE_SCHEDULER, KUBELET } from './credentials.ts';
export { serviceSocket } from './egress.ts';
export { kubeconfigFile } from './kubeconfig.ts';

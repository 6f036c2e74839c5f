/** Names and addresses of the node. The node has a network of its own, so they collide with nothing on the machine. */

/** Name of the node. The user of its kubelet (control-plane/credentials.ts) ends with it. */
export const NODE_NAME = 'node';

/** Address of the service `kubernetes`: the first one of the API server's range of service addresses. */
export const API_ADDRESS = '10.0.0.1';

/** Address of the node, at which its pods reach the servers of this machine that it exposes. */
export const NODE_ADDRESS = '10.1.0.1';

/** Addresses of pods. */
export const POD_SUBNET = '10.88.0.0/16';

/** Folders in which programs of the node write to fixed paths. The node has empty ones in memory instead. */
export const HIDDEN_FOLDERS = ['/run', '/var/run', '/var/lib', '/var/log'] as const;

/** Image of the pause container. The node never pulls it. */
export const PAUSE_IMAGE = 'localhost/pause:1.0';

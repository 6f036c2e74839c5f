import type { KubeObject } from '../object/index.ts';

interface RawContainer {
  readonly name: string;
  readonly image?: string;
}

interface RawStatus {
  readonly name: string;
  readonly imageID?: string;
}

/** A pod as the API server sends it. */
export interface RawPod extends KubeObject {
  readonly spec?: {
    readonly imagePullSecrets?: readonly { readonly name?: string }[];
    readonly containers?: readonly RawContainer[];
    readonly initContainers?: readonly RawContainer[];
    readonly ephemeralContainers?: readonly RawContainer[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly RawStatus[];
    readonly initContainerStatuses?: readonly RawStatus[];
    readonly ephemeralContainerStatuses?: readonly RawStatus[];
  };
}

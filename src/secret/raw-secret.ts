import type { KubeObject } from '../object/index.ts';

/** By key, in base64. */
export type SecretData = Readonly<Record<string, string>>;

/** A Secret as the API server sends and takes it. */
export interface RawSecret extends KubeObject {
  /** undefined: `Opaque`. */
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data?: SecretData;
}

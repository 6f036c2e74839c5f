import type { KubeObject } from '../object/index.ts';

/** The values in base64, by key. */
export type SecretData = Readonly<Record<string, string>>;

/** A Secret as the API server sends and accepts it. */
export interface RawSecret extends KubeObject {
  /** undefined: `Opaque`. */
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data?: SecretData;
}

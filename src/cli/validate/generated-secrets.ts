import { isRecord, quoted } from '../../text/index.ts';
import type { Manifest } from '../inventory/index.ts';

/** By group and kind: the field with the name of the Secret that an operator creates; empty: the name of the object. */
const GENERATORS: Readonly<Record<string, readonly string[]>> = {
  // https://external-secrets.io/latest/api/spec/#external-secrets.io/v1.ExternalSecretTarget
  'external-secrets.io/ExternalSecret': ['target', 'name'],
  // https://github.com/bitnami-labs/sealed-secrets
  'bitnami.com/SealedSecret': [],
  // https://developer.hashicorp.com/vault/docs/deploy/kubernetes/vso/api-reference
  'secrets.hashicorp.com/VaultStaticSecret': ['destination', 'name'],
  'secrets.hashicorp.com/VaultDynamicSecret': ['destination', 'name'],
};

/** A Secret whose content the files do not show. */
export interface GeneratedSecret {
  readonly name: string;
  /** What creates it, for messages. */
  readonly from: string;
}

/** The Secret that an operator creates from an object, or that is encrypted in the file; undefined: there is none. */
export function generatedSecret(manifest: Manifest): GeneratedSecret | undefined {
  const { kind, metadata, object } = manifest;
  if (isEncrypted(manifest)) return { name: metadata.name, from: 'a Secret that is encrypted with SOPS' };
  const path = GENERATORS[`${manifest.apiVersion.split('/', 1)[0]}/${kind}`];
  if (path === undefined) return undefined;
  const named = path.length === 0 ? undefined : fieldOf(object['spec'], path);
  const name = typeof named === 'string' && named !== '' ? named : metadata.name;
  return { name, from: `the ${kind} ${quoted(metadata.name)}` };
}

/** Whether it is a Secret that is decrypted before it is applied: https://getsops.io/docs/ */
export function isEncrypted({ apiVersion, kind, object }: Manifest): boolean {
  return apiVersion === 'v1' && kind === 'Secret' && isRecord(object['sops']) && 'mac' in object['sops'];
}

function fieldOf(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((outer, name) => (isRecord(outer) ? outer[name] : undefined), value);
}

import { createHash } from 'node:crypto';
import { BINDING_ANNOTATION, TEMPORARY_LABEL } from '../api/index.ts';
import { apiVersionOf, LONGEST_NAME, type ObjectMeta, SCANS } from '../object/index.ts';

/** The Scan for which a temporary Secret is created. */
export interface SecretOwner {
  readonly name: string;
  readonly uid: string;
}

/** The Scan of a temporary Secret, and its binding. */
export interface TemporaryUse {
  readonly scan: SecretOwner;
  /** Name of the binding; undefined: a user has removed the annotation, or its value is not a name. */
  readonly binding: string | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** The hash has as many digits as that of a shared Trivy Secret, so that the name matches the pattern of both. */
const HASH_DIGITS = 10;
const LONGEST_SCAN = LONGEST_NAME - 'trivy--'.length - HASH_DIGITS;

/** The name of the temporary Secret of a Scan. After a restart, the controller finds the Secret by this name. */
export function temporarySecretName({ name, uid }: SecretOwner): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(['Scan', uid]))
    .digest('hex');
  const shown = name.slice(0, LONGEST_SCAN).replace(/[.-]+$/, '');
  return `trivy-${shown}-${hash.slice(0, HASH_DIGITS)}`;
}

/** The metadata that makes a Secret the temporary one of a Scan. */
export function temporaryMetadata(
  scan: SecretOwner,
  binding: string,
): Required<Pick<ObjectMeta, 'labels' | 'annotations' | 'ownerReferences'>> {
  return {
    labels: { [TEMPORARY_LABEL]: 'true' },
    annotations: { [BINDING_ANNOTATION]: binding },
    ownerReferences: [{ apiVersion: apiVersionOf(SCANS), kind: SCANS.kind, name: scan.name, uid: scan.uid }],
  };
}

/** Reads {@link temporaryMetadata}; undefined: the Secret is not the temporary one of a Scan. */
export function readTemporaryUse(metadata: ObjectMeta): TemporaryUse | undefined {
  const { name, labels, annotations, ownerReferences = [], creationTimestamp = '' } = metadata;
  if (labels?.[TEMPORARY_LABEL] !== 'true') return undefined;
  const owner = ownerReferences.find(
    (reference) => isScan(reference) && temporarySecretName(reference) === name,
  );
  if (owner === undefined) return undefined;
  const scan = { name: owner.name, uid: owner.uid };
  return {
    scan,
    binding: nameIn(annotations?.[BINDING_ANNOTATION]),
    createdAt: Date.parse(creationTimestamp) || 0,
  };
}

const NAME = /^[a-z0-9.-]+$/;
const LONGEST_UID = 128;

/**
 * Whether an owner may be a Scan. Any user who can create Secrets can compute a valid name for any owner, and the API server checks
 * neither the length of an owner's name nor its characters.
 */
function isScan({ kind, name, uid }: { readonly kind: string } & SecretOwner): boolean {
  return kind === SCANS.kind && nameIn(name) !== undefined && uid.length <= LONGEST_UID;
}

/** undefined: there is no text, or it is not the name of an object. */
function nameIn(text: string | undefined): string | undefined {
  return text !== undefined && text.length <= LONGEST_NAME && NAME.test(text) ? text : undefined;
}

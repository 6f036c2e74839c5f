import {
  conditionOf,
  type EffectiveDelivery,
  type ImageCredentialBindingStatus,
  type Readiness,
  readinessOf,
  type TemporarySecret,
  type Transition,
} from '../../api/index.ts';
import type { RawBinding } from '../../binding/index.ts';

/** One binding in an audit. It is an element of `audit -o json`, so its keys are a contract. */
export interface AuditRow {
  readonly namespace: string;
  readonly name: string;
  /** As in `spec.image`. */
  readonly image: string;
  /** null: not known yet. */
  readonly platform: string | null;
  /** Name of the pull secret that was chosen; null: none. */
  readonly secret: string | null;
  /** How scans get the credential; null: not known yet. */
  readonly delivery: EffectiveDelivery | null;
  /** The condition Ready. Also `Unknown` if the status is not about the current spec. */
  readonly ready: Readiness;
  /** The condition CredentialVerified, and when a registry last accepted the credential; null: never. */
  readonly verified: Omit<Readiness, 'message'> & { readonly time: string | null };
  /** When the credential expires, according to the credential itself; null: it contains no expiration time. */
  readonly expires: string | null;
  readonly scans: Scans;
  /** Secrets of single Scans that have existed for more than an hour, because the Scans have not ended. The 10 oldest. */
  readonly temporarySecrets: readonly TemporarySecret[];
  /** The latest change of the image or credential that the scans use; null: there has been none. */
  readonly lastChange: Change | null;
}

interface Scans {
  readonly matched: number;
  readonly bound: number;
  /** Of the bound ones, those that are not written, because their Scans are bound when they are created. */
  readonly boundAtCreation: number;
  readonly failing: number;
  /** ScheduledScans that mention the image, but from whose parameters no image can be read. */
  readonly unreadable: number;
  /** What the status says about ScheduledScans, such as why they are not bound. At most 20. */
  readonly reasons: readonly { readonly name: string; readonly reason: string }[];
}

interface Change {
  readonly time: string;
  readonly reason: string;
  readonly from: Side;
  readonly to: Side;
  readonly scans: number;
}

interface Side {
  readonly platform: string | null;
  readonly image: string;
  readonly secret: string | null;
}

/** The row of a binding. Reads only the binding itself. */
export function auditRow({ metadata, spec, status = {} }: RawBinding): AuditRow {
  const { credential, history } = status;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    image: spec.image,
    platform: status.platform ?? null,
    secret: credential?.secret.name ?? null,
    delivery: status.delivery ?? null,
    ready: readinessOf(status, metadata.generation ?? 0),
    verified: verification(status),
    expires: credential?.expirationTime ?? null,
    scans: scansOf(status),
    temporarySecrets: status.temporarySecrets?.names ?? [],
    lastChange: history?.[0] === undefined ? null : changeOf(history[0]),
  };
}

function scansOf({ scans }: ImageCredentialBindingStatus): Scans {
  const {
    matched = 0,
    bound = 0,
    boundAtCreation = 0,
    failing = 0,
    unreadable = 0,
    names = [],
  } = scans ?? {};
  const reasons = names.flatMap(({ name, reason }) => (reason === undefined ? [] : [{ name, reason }]));
  return { matched, bound, boundAtCreation, failing, unreadable, reasons };
}

function verification(status: ImageCredentialBindingStatus): AuditRow['verified'] {
  const { status: state = 'Unknown', reason = '' } = conditionOf(status, 'CredentialVerified') ?? {};
  return { status: state, reason, time: status.credential?.verifiedTime ?? null };
}

function changeOf({ time, reason, from, to, scans }: Transition): Change {
  return { time, reason, from: sideOf(from), to: sideOf(to), scans };
}

function sideOf({ platform, image, secret }: Transition['from']): Side {
  return { platform: platform ?? null, image, secret: secret ?? null };
}

import type { Check, KnownAnswer, KnownLogin } from '../../answer/index.ts';
import type { Delivery } from '../../api/index.ts';
import type { Binding, ValidBinding } from '../../binding/index.ts';
import type { PlatformCredential } from '../../platform/index.ts';
import type { Rivals } from '../../policy/index.ts';
import type { AwaitedScan, Run, ScanRun, ScheduledScan } from '../../scan/index.ts';
import type { NamedSecret, SecretOwner, TrivySecret, TrivySecretIdentity } from '../../secret/index.ts';
import type { TemporaryWrites } from '../../state/index.ts';

/** The facts about one binding, before any policy is applied. */
export interface Observed {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly settings: BindingSettings;
  readonly namespace: string;
  readonly name: string;
  /** undefined: it was deleted. */
  readonly binding: Binding | undefined;
  /** The Secrets that the binding names, in its order. */
  readonly secrets: readonly NamedSecret[];
  /** The ScheduledScans that fit its images, and those that carry its name. */
  readonly scans: readonly ScheduledScan[];
  /** The Scan that is decided on, as the only one of `scans`; undefined: `scans` are ScheduledScans. */
  readonly newScan: ObservedScan | undefined;
  /** The temporary Secrets of its Scans. */
  readonly temporarySecrets: readonly TrivySecret[];
  /** What became of those that this process has written; undefined: it has written none. */
  readonly temporaryWrites: TemporaryWrites | undefined;
  /** The ScheduledScans without a readable image whose parameters mention its images. */
  readonly mentioning: readonly ScheduledScan[];
  /** The Scans of its images that were created since the binding, and are not bound. The newest ones come first. */
  readonly unboundScans: readonly Run[];
  readonly known: Known;
}

/** A Scan that is decided on. */
interface ObservedScan {
  /** For its temporary Secret; undefined: it has no UID yet, or this process does not write. */
  readonly owner: SecretOwner | undefined;
}

/** The settings of the controller that decisions about a binding depend on. */
export interface BindingSettings {
  /** Matches the scan types whose ScheduledScans are bound. */
  readonly scanTypes: RegExp;
  /** How long an accepted answer of a registry is valid, in milliseconds. */
  readonly checkIntervalMs: number;
  /** How long `Preferred` waits for the first answer of a registry, in milliseconds. */
  readonly firstAnswerTimeoutMs: number;
  /** How long a requested run waits for a Scan that has not ended, in milliseconds; undefined: no runs are started. */
  readonly runWaitMs: number | undefined;
  /** The ScheduledScans that are not written, because their Scans are bound when they are created. */
  readonly boundAtCreation: 'None' | 'GitManaged' | 'All';
  /** Whether the admission webhook is on, so that new Scans can be held and bound. */
  readonly admission: boolean;
  /** How scans get the credential of a binding whose spec does not say so. */
  readonly delivery: Delivery;
  /** Whether the controller may write Secrets, and so create Trivy Secrets. */
  readonly writesSecrets: boolean;
}

/** The object under the name of a Trivy Secret. */
export type TrivySecretPlace =
  | { readonly state: 'Free' }
  | { readonly state: 'Ours'; readonly secret: TrivySecret }
  /** The controller does not own the object, or created it for another credential. */
  | { readonly state: 'Taken' };

/**
 * Look-ups in memory of facts that depend on what is resolved first, such as the answer about the chosen credential. None
 * of them sends a request.
 */
export interface Known {
  /** The answer of a registry; undefined: there is none. */
  readonly answer: (check: Check) => KnownAnswer | undefined;
  /** The login that a cloud has issued for a host; undefined: none. */
  readonly login: (credential: PlatformCredential, host: string) => KnownLogin | undefined;
  readonly trivySecretPlace: (identity: TrivySecretIdentity) => TrivySecretPlace;
  readonly temporarySecretPlace: (owner: SecretOwner) => TrivySecretPlace;
  /** Whether new Scans can be held, as far as the Scans of the namespace show: their CRD has the field `suspend`. */
  readonly canHold: boolean;
  /** Name of the source Secret of the Trivy Secret that a scan mounts; undefined: none, or not known. */
  readonly source: (scan: ScheduledScan) => string | undefined;
  /** The state of the newest Scan; undefined: there is none, or the ScheduledScan is bound. */
  readonly lastRun: (scan: ScheduledScan) => ScanRun['state'] | undefined;
  /** The Scan that delays the requested run of a scan; undefined: none does. */
  readonly awaitedScan: (scan: ScheduledScan) => AwaitedScan | undefined;
  readonly rivals: Rivals;
  /** The result of the last reconcile of another binding; undefined: it has not been reconciled yet. */
  readonly selection: (
    rival: ValidBinding,
  ) => { readonly canBind: boolean; readonly migrates: boolean } | undefined;
}

import type { RawScan } from './raw-scan.ts';
import type { ScanEdit } from './scheduled-scan.ts';

/** What to do about a Scan, and why, as far as the stores show it. `edit`: the edit to carry out; undefined: none. */
export type NewScanPlan =
  /** The Scan gets what the binding delivers. */
  | { readonly result: 'Bind'; readonly binding: string; readonly edit: ScanEdit }
  /** The Scan already has what its ScheduledScan delivers. */
  | { readonly result: 'Bound'; readonly binding: string }
  /** A binding is effective, and its decision is open. */
  | {
      readonly result: 'Open';
      readonly binding: string;
      readonly reason: OpenReason;
      /** Whether the Scan gets a Secret of its own, so that it may wait longer. */
      readonly awaitsSecret: boolean;
    }
  /** A binding is effective, and the Scan gets nothing from it. */
  | {
      readonly result: 'Unbound';
      readonly binding: string;
      readonly reason: UnboundReason;
      readonly edit: ScanEdit | undefined;
    }
  /** No binding is effective. */
  | { readonly result: 'NoBinding'; readonly edit: ScanEdit | undefined };

/** A plan after its edit was carried out on the whole Scan. `scan` is the result. Without an edit, it is the unchanged Scan. */
export type ScanDecision = WithoutEdit<NewScanPlan> & { readonly scan: RawScan };
type WithoutEdit<Plan> = Plan extends unknown ? Omit<Plan, 'edit'> : never;

/**
 * `Secret`: a Secret that the binding names has not been read yet. `Verification`: no registry has answered yet. `Login`: a cloud
 * has not issued a login yet. `TrivySecret`: the controller is about to write the Trivy Secret. `Migration`: the registry has not
 * answered whether the new repository has the image. `OwnSecret`: the leader creates a Secret for this Scan. `Credential`: the
 * Scan gets a Secret of its own, and no credential can be used now.
 */
export type OpenReason =
  | 'Secret'
  | 'Verification'
  | 'Login'
  | 'TrivySecret'
  | 'Migration'
  | 'OwnSecret'
  | 'Credential';

/**
 * `NoCredential`: no credential can be used. `NotMigrated`: the Scan names a previous repository, and stays there. `Taken`: another
 * volume has the controller's name or path. `Suspended`: a user has created the Scan suspended, so that a Secret of its own would
 * exist for an unknown time. `Error`: an error in this program.
 */
export type UnboundReason = 'NoCredential' | 'NotMigrated' | 'Taken' | 'Suspended' | 'Error';

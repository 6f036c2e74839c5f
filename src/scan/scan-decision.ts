import type { RawScan } from './raw-scan.ts';

/** What happens to a Scan, and why. `scan` is the Scan as it should be, which may be what it is. */
export type ScanDecision =
  /** The Scan gets what the binding delivers. */
  | { readonly result: 'Bind'; readonly binding: string; readonly scan: RawScan }
  /** The Scan already has what its ScheduledScan delivers. */
  | { readonly result: 'Bound'; readonly binding: string; readonly scan: RawScan }
  /** A binding is effective, and its decision is open. */
  | {
      readonly result: 'Open';
      readonly binding: string;
      readonly reason: OpenReason;
      /** Whether the Scan gets a Secret of its own, so that it may wait longer. */
      readonly awaitsSecret: boolean;
      readonly scan: RawScan;
    }
  /** A binding is effective, and the Scan gets nothing from it. */
  | {
      readonly result: 'Unbound';
      readonly binding: string;
      readonly reason: UnboundReason;
      readonly scan: RawScan;
    }
  /** No binding is effective. */
  | { readonly result: 'NoBinding'; readonly scan: RawScan };

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

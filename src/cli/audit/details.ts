import type { CandidateStatus, Condition, Mode, Transition, Verification } from '../../api/index.ts';
import type { RawBinding } from '../../binding/index.ts';
import { type AuditRow, auditRow } from './row.ts';

/** What `-o wide` and `-o html` show of a binding, in addition to its row. */
export interface AuditDetails {
  readonly mode: Mode;
  readonly verification: Verification;
  /** As in `spec.replaces`. */
  readonly replaces: readonly string[];
  /** The entry of the pull secret that was chosen; null: none. */
  readonly entry: string | null;
  /** Name of the Secret that scans mount; null: none. */
  readonly trivySecret: string | null;
  readonly migrations: number;
  /** RFC 3339 time when the binding was created; null: unknown. */
  readonly created: string | null;
  readonly conditions: readonly Condition[];
  readonly candidates: readonly CandidateStatus[];
  /** Newest first. */
  readonly history: readonly Transition[];
}

/** One binding, with everything that an output format can show. */
export interface AuditEntry {
  readonly row: AuditRow;
  readonly details: AuditDetails;
}

/** The entry of a binding. Reads only the binding itself. */
export function auditEntry(binding: RawBinding): AuditEntry {
  return { row: auditRow(binding), details: detailsOf(binding) };
}

function detailsOf({ metadata, spec, status = {} }: RawBinding): AuditDetails {
  const { mode = 'Enforce', verification = 'Preferred', replaces = [] } = spec;
  const { credential, trivySecret, migrations = 0, conditions = [], candidates = [], history = [] } = status;
  return {
    mode,
    verification,
    replaces,
    migrations,
    conditions,
    candidates,
    history,
    entry: credential?.registryKey ?? null,
    trivySecret: trivySecret?.name ?? null,
    created: metadata.creationTimestamp ?? null,
  };
}

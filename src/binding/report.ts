import { isDeepStrictEqual } from 'node:util';
import type { CandidateStatus, Condition, ImageCredentialBindingStatus } from '../api/index.ts';
import { type Candidate, publicUsername } from '../credential/index.ts';
import type { Occurrence } from '../kube/index.ts';
import { platformOf } from '../platform/index.ts';
import type { Applied } from './apply.ts';
import type { Binding, ValidBinding } from './binding.ts';
import type { Decision } from './decide.ts';
import { type Finding, invalidFindings, validFindings } from './findings.ts';
import type { Observed } from './observe.ts';
import { occurrencesOf } from './occurrences.ts';
import { type Credentials, unusableReason } from './resolve.ts';
import { countScans, summarizeScans } from './scan-count.ts';

const MOST_CANDIDATES = 16;
/** metav1.Condition: https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go */
const LONGEST_MESSAGE = 32_768;

/** What to tell about a binding. */
export interface Report {
  readonly status: ImageCredentialBindingStatus;
  /** Whether status says something new; else nothing is written. */
  readonly changed: boolean;
  readonly events: readonly Occurrence[];
}

/**
 * The status of a binding and the Events about what has changed in it. Pure; the same input gives the same
 * status, so that a reconcile of what has not changed writes nothing.
 */
export function report(binding: Binding, observed: Observed, decision: Decision, applied: Applied): Report {
  const scans = countScans(decision, applied);
  const findings =
    binding.validity === 'Invalid'
      ? invalidFindings(binding.message)
      : validFindings(binding, { observed, decision, applied, scans });
  const conditions = findings.map((finding) => toCondition(finding, binding, observed.now));
  const status: ImageCredentialBindingStatus = {
    observedGeneration: binding.generation,
    ...(binding.validity === 'Valid' ? validStatus(binding, observed) : {}),
    scans: summarizeScans(scans),
    conditions,
  };
  return {
    status,
    changed: !isDeepStrictEqual(comparable(status), comparable(binding.status ?? {})),
    events: occurrencesOf(binding.status, status, decision, applied),
  };
}

/** Conditions are a map by type: server-side apply keeps them in an order of its own. */
function comparable(status: ImageCredentialBindingStatus): unknown {
  return {
    ...status,
    conditions: new Map(status.conditions?.map((condition) => [condition.type, condition])),
  };
}

function validStatus(binding: ValidBinding, observed: Observed): ImageCredentialBindingStatus {
  const { credentials, resolution } = observed;
  const selected = resolution.result === 'Selected' ? resolution.candidate : undefined;
  return {
    platform: platformOf(binding.image.host).name,
    candidates: candidatesStatus(credentials, selected),
    ...(selected === undefined ? {} : selectedStatus(binding, observed, selected)),
  };
}

function selectedStatus(
  binding: ValidBinding,
  { credentials, trivySecret }: Observed,
  candidate: Candidate,
): ImageCredentialBindingStatus {
  const source = credentials.secrets.find(({ name }) => name === candidate.secret);
  const username = publicUsername(candidate.credential);
  return {
    credential: {
      secret: { name: candidate.secret, uid: source?.state === 'Found' ? source.uid : '' },
      registryKey: candidate.registryKey,
      ...(username === undefined ? {} : { username }),
    },
    ...(binding.mode === 'Enforce' && trivySecret !== undefined
      ? { trivySecret: { name: trivySecret.desired.name } }
      : {}),
  };
}

/** The entries that fit, in the order tried, then each secret that gave none. */
function candidatesStatus(
  { candidates, secrets }: Credentials,
  selected: Candidate | undefined,
): readonly CandidateStatus[] {
  const fitting = candidates.map(
    (candidate): CandidateStatus => ({
      secret: candidate.secret,
      registryKey: candidate.registryKey,
      ...(candidate === selected
        ? { result: 'Selected', reason: 'FirstMatch' }
        : { result: 'Available', reason: 'NotNeeded' }),
    }),
  );
  const without = secrets
    .filter(({ name }) => !candidates.some(({ secret }) => secret === name))
    .map(
      (secret): CandidateStatus => ({
        secret: secret.name,
        result: 'Unusable',
        reason: unusableReason(secret),
      }),
    );
  return [...fitting, ...without].slice(0, MOST_CANDIDATES);
}

function toCondition(finding: Finding, binding: Binding, now: number): Condition {
  const previous = binding.status?.conditions?.find(({ type }) => type === finding.type);
  return {
    type: finding.type,
    status: finding.status,
    observedGeneration: binding.generation,
    lastTransitionTime:
      previous?.status === finding.status
        ? previous.lastTransitionTime
        : `${new Date(now).toISOString().slice(0, 19)}Z`,
    reason: finding.reason,
    message: finding.message.slice(0, LONGEST_MESSAGE),
  };
}

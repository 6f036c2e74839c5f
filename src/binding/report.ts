import { isDeepStrictEqual } from 'node:util';
import type { Candidate, Condition, ImageCredentialBindingStatus } from '../api/index.ts';
import { publicUsername } from '../credential/index.ts';
import type { Occurrence } from '../kube/index.ts';
import { platformOf } from '../platform/index.ts';
import type { Outcomes } from './apply.ts';
import type { Binding, ValidBinding } from './binding.ts';
import type { Decision, Resolution } from './decide.ts';
import { type Finding, invalidFindings, validFindings } from './findings.ts';
import type { Observed } from './observe.ts';
import { occurrencesOf } from './occurrences.ts';
import type { NamedSecret } from './pull-secret.ts';
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
export function report(binding: Binding, observed: Observed, decision: Decision, outcomes: Outcomes): Report {
  const scans = countScans(decision, outcomes);
  const findings =
    binding.validity === 'Invalid'
      ? invalidFindings(binding.message)
      : validFindings(binding, { observed, decision, outcomes, scans });
  const conditions = findings.map((finding) => toCondition(finding, binding, observed.now));
  const status: ImageCredentialBindingStatus = {
    observedGeneration: binding.generation,
    ...(binding.validity === 'Valid' ? validStatus(binding, observed, decision) : {}),
    scans: summarizeScans(scans),
    conditions,
  };
  return {
    status,
    changed: !isDeepStrictEqual(comparable(status), comparable(binding.status ?? {})),
    events: occurrencesOf(binding.status, status, decision),
  };
}

/** Conditions are a map by type: server-side apply keeps them in an order of its own. */
function comparable(status: ImageCredentialBindingStatus): unknown {
  return {
    ...status,
    conditions: new Map(status.conditions?.map((condition) => [condition.type, condition])),
  };
}

function validStatus(
  binding: ValidBinding,
  observed: Observed,
  decision: Decision,
): ImageCredentialBindingStatus {
  const { resolution } = decision;
  return {
    platform: platformOf(binding.image.host).name,
    candidates: candidatesStatus(observed),
    ...(resolution.result === 'Selected' ? selectedStatus(binding, observed, resolution) : {}),
  };
}

function selectedStatus(
  binding: ValidBinding,
  observed: Observed,
  { option }: Extract<Resolution, { result: 'Selected' }>,
): ImageCredentialBindingStatus {
  const { candidate, desired } = option;
  const source = observed.secrets.find(({ name }) => name === candidate.secret);
  const username = publicUsername(candidate.credential);
  return {
    credential: {
      secret: { name: candidate.secret, uid: source?.state === 'Found' ? source.uid : '' },
      registryKey: candidate.registryKey,
      ...(username === undefined ? {} : { username }),
    },
    ...(binding.mode === 'Enforce' ? { trivySecret: { name: desired.name } } : {}),
  };
}

/** The entries that fit, in the order tried, then each secret that gave none. */
function candidatesStatus({ options, secrets }: Observed): readonly Candidate[] {
  const fitting = options.map(
    ({ candidate }, index): Candidate => ({
      secret: candidate.secret,
      registryKey: candidate.registryKey,
      ...(index === 0
        ? { result: 'Selected', reason: 'FirstMatch' }
        : { result: 'Available', reason: 'NotNeeded' }),
    }),
  );
  const without = secrets
    .filter(({ name }) => !options.some(({ candidate }) => candidate.secret === name))
    .map(({ name, state }): Candidate => ({ secret: name, result: 'Unusable', reason: UNUSABLE[state] }));
  return [...fitting, ...without].slice(0, MOST_CANDIDATES);
}

const UNUSABLE: Readonly<Record<NamedSecret['state'], string>> = {
  Found: 'NoMatch',
  Missing: 'SecretNotFound',
  WrongType: 'SecretWrongType',
  Malformed: 'SecretMalformed',
};

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

import { ADVICE, type ConditionReason, type ConditionType } from '../api/index.ts';
import { formatReference } from '../image/index.ts';
import type { Outcomes } from './apply.ts';
import type { ValidBinding } from './binding.ts';
import type { Decision } from './decide.ts';
import type { Observed } from './observe.ts';
import type { NamedSecret } from './pull-secret.ts';
import { counted, listed, type ScanCount } from './scan-count.ts';

const MOST_PROBLEMS = 3;

/** A condition before it is known whether it is new. */
export interface Finding {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ConditionReason;
  readonly message: string;
}

export function invalidFindings(message: string): readonly Finding[] {
  return [
    { type: 'Ready', status: 'False', reason: 'InvalidSpec', message },
    { type: 'Stalled', status: 'True', reason: 'InvalidSpec', message },
  ];
}

export interface Facts {
  readonly observed: Observed;
  readonly decision: Decision;
  readonly outcomes: Outcomes;
  readonly scans: readonly ScanCount[];
}

export function validFindings(binding: ValidBinding, facts: Facts): readonly Finding[] {
  const resolved = resolvedFinding(binding, facts);
  const verified: Finding = {
    type: 'CredentialVerified',
    status: 'Unknown',
    reason: 'Disabled',
    message: 'verification is Never: no registry is asked',
  };
  const bound = boundFinding(binding, facts);
  const ready = readyFinding(resolved, bound);
  const reconciling: Finding[] =
    bound.reason === 'Waiting'
      ? [{ type: 'Reconciling', status: 'True', reason: 'Waiting', message: bound.message }]
      : [];
  const verifiedFindings = resolved.status === 'True' ? [verified] : [];
  return [ready, resolved, ...verifiedFindings, bound, ...reconciling];
}

/** Ready sums up: the first condition that is not fulfilled says why. */
function readyFinding(resolved: Finding, bound: Finding): Finding {
  const obstacle = [resolved, bound].find(({ status }) => status === 'False');
  if (obstacle !== undefined) return { ...obstacle, type: 'Ready' };
  return { type: 'Ready', status: 'True', reason: 'Ready', message: `${resolved.message}; ${bound.message}` };
}

function resolvedFinding(binding: ValidBinding, { observed, decision }: Facts): Finding {
  const { resolution } = decision;
  const faults = observed.secrets.map(faultOf).filter((fault) => fault !== undefined);
  const notes = faults.length === 0 ? '' : `; ${faults.join('; ')}`;
  const type = 'CredentialResolved';
  switch (resolution.result) {
    case 'Selected': {
      const { secret, registryKey } = resolution.option.candidate;
      const message = `entry ${JSON.stringify(registryKey)} of Secret ${secret} fits ${binding.image.host}${notes}`;
      return { type, status: 'True', reason: 'Selected', message };
    }
    case 'NoneNeeded':
      return {
        type,
        status: 'True',
        reason: 'NoneNeeded',
        message: 'imagePullSecrets is empty: no credential is needed',
      };
    case 'Unresolved': {
      const looked = `no entry for ${binding.image.host} in ${observed.secrets.map(({ name }) => name).join(', ')}`;
      return {
        type,
        status: 'False',
        reason: resolution.reason,
        message: advise(`${looked}${notes}`, resolution.reason),
      };
    }
  }
}

function faultOf(secret: NamedSecret): string | undefined {
  switch (secret.state) {
    case 'Missing':
      return `Secret ${secret.name} does not exist`;
    case 'WrongType':
      return `Secret ${secret.name} is not of type kubernetes.io/dockerconfigjson`;
    case 'Malformed':
      return `Secret ${secret.name} is malformed: ${secret.message}`;
    case 'Found':
      return secret.problems.length === 0
        ? undefined
        : `in Secret ${secret.name}: ${firstOf(secret.problems)}`;
  }
}

function firstOf(problems: readonly string[]): string {
  const shown = problems.slice(0, MOST_PROBLEMS).join(', ');
  return problems.length > MOST_PROBLEMS ? `${shown} and ${problems.length - MOST_PROBLEMS} more` : shown;
}

function boundFinding(binding: ValidBinding, { decision, outcomes, scans }: Facts): Finding {
  const problem = secretProblem(decision, outcomes);
  if (problem !== undefined) return { type: 'ScansBound', status: 'False', ...problem };
  const named = (standing: ScanCount['standing']) => scans.filter((scan) => scan.standing === standing);
  const failing = named('Failing');
  const waiting = named('Waiting');
  if (failing.length > 0) {
    const unresolved = decision.resolution.result === 'Unresolved';
    const reason = unresolved ? decision.resolution.reason : 'ScanUpdateFailed';
    const message = `${failing.length} of ${counted(scans.length)} not bound: ${listed(failing)}`;
    return { type: 'ScansBound', status: 'False', reason, message: advise(message, reason) };
  }
  if (waiting.length > 0) {
    const message = `${counted(waiting.length)} will be bound when the run that is due has begun: ${listed(waiting)}`;
    return { type: 'ScansBound', status: 'False', reason: 'Waiting', message };
  }
  return quietFinding(binding, decision, scans);
}

function quietFinding(binding: ValidBinding, decision: Decision, scans: readonly ScanCount[]): Finding {
  const type = 'ScansBound';
  const lost = decision.scans.filter((plan) => plan.plan === 'ServedByAnother');
  const others = [...new Set(lost.map(({ by }) => by))].sort().join(', ');
  const left =
    lost.length === 0 ? '' : `; ${counted(lost.length)} served by ImageCredentialBinding ${others}`;
  if (binding.mode === 'Observe') {
    const would = decision.scans.filter(({ plan }) => plan === 'Observe').length;
    return { type, status: 'Unknown', reason: 'Observing', message: `would bind ${counted(would)}${left}` };
  }
  if (scans.length === 0) {
    const message = `no ScheduledScan of this namespace scans ${formatReference(binding.image)} yet`;
    return { type, status: 'True', reason: 'NoScans', message };
  }
  const bound = scans.length - lost.length;
  const reason = bound === 0 ? 'ServedByAnother' : 'Bound';
  return { type, status: 'True', reason, message: `${counted(bound)} bound${left}` };
}

function secretProblem(
  { secretWrite }: Decision,
  outcomes: Outcomes,
): Pick<Finding, 'reason' | 'message'> | undefined {
  if (secretWrite.write === 'Refused') {
    const message = `Secret ${secretWrite.desired.name} exists and is not ours`;
    return { reason: 'TrivySecretTaken', message: advise(message, 'TrivySecretTaken') };
  }
  if (outcomes.secret === undefined) return undefined;
  return { reason: 'TrivySecretFailed', message: advise(outcomes.secret.message, 'TrivySecretFailed') };
}

function advise(message: string, reason: ConditionReason): string {
  const advice = ADVICE[reason];
  return advice === '' ? message : `${message}. ${advice}`;
}

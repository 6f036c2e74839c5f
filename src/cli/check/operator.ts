import type { Deployment } from './deployment.ts';
import { readiness, tagOf } from './deployment.ts';
import { type Item, missing, ok, type Seen, seenValue, warning } from './item.ts';
import type { ScanUse } from './scan-types.ts';

/** The label of the operator's Deployment: secureCodeBox's chart, operator/templates/manager/manager.yaml. */
export const OPERATOR_LABEL = 'control-plane=securecodebox-controller-manager';

/**
 * Whether secureCodeBox's operator runs. Without its Deployment, the runs of ScheduledScans show that an operator has run.
 *
 * @param scans - undefined: they are hidden
 */
export function operatorItem(
  deployments: Seen<readonly Deployment[]>,
  scans: readonly ScanUse[] | undefined,
): Item {
  const [deployment] = seenValue(deployments) ?? [];
  if (deployment !== undefined) return deploymentItem(deployment);
  const found =
    deployments.result === 'Seen'
      ? `there is no Deployment with the label ${OPERATOR_LABEL}`
      : 'you may not list Deployments';
  const lastRun = (scans ?? [])
    .flatMap((scan) => scan.lastRun ?? [])
    .toSorted()
    .at(-1);
  if (lastRun !== undefined)
    return ok('operator', `${found}, but an operator last started a ScheduledScan at ${lastRun}`);
  if (deployments.result === 'Seen') {
    return missing(
      'operator',
      `${found}, and no ScheduledScan here has run`,
      'install the operator of secureCodeBox, or check that it runs',
    );
  }
  return warning(
    'operator',
    `${found}, and no ScheduledScan here has run`,
    'ask an administrator whether the operator runs',
  );
}

function deploymentItem(deployment: Deployment): Item {
  const { namespace, name, image, ready } = deployment;
  const message = `Deployment ${namespace}/${name}, version ${tagOf(image) ?? 'unknown'}; ${readiness(deployment)}`;
  return ready > 0
    ? ok('operator', message)
    : missing(
        'operator',
        message,
        `see kubectl describe pods --namespace ${namespace} --selector ${OPERATOR_LABEL}`,
      );
}

import packageJson from '../../package.json' with { type: 'json' };
import {
  type ClusterConfig,
  type Controller,
  type Item,
  readControllers,
  survey,
  UserError,
} from '../../src/cli/index.ts';
import type { KubeClient } from '../../src/kube/index.ts';
import { Unexpected } from '../scenario/index.ts';

const CHART = 'image-credential-binding';

/** The settings of the installed controller on which the run depends. */
export interface Installation {
  /** Whether it creates bindings from the pods of a namespace that opts in. */
  readonly discovers: boolean;
  /** Whether it starts runs of bound and migrated ScheduledScans. */
  readonly startsRuns: boolean;
}

/** Flags with which the controller does not write ScheduledScans, so that the steps cannot succeed. */
const ONLY_SCANS = ['--delivery=Temporary', '--bind=scans'] as const;

/**
 * Reads the settings from the Deployment of the controller, as `check` does. A controller without a Deployment, or one that
 * the user may not read, counts as one with the default settings.
 *
 * @throws UserError if the controller does not bind ScheduledScans
 */
export async function readInstallation(client: KubeClient, namespace: string): Promise<Installation> {
  const controllers = await readControllers(client, { scope: { kind: 'All' }, otherwise: [CHART] });
  const watching =
    controllers.result === 'Seen' ? controllers.value.filter((each) => watches(each, namespace)) : [];
  for (const { deployment } of watching) checkDelivery(deployment);
  const [first] = watching;
  if (first === undefined) return { discovers: false, startsRuns: true };
  return {
    discovers: first.discovery !== 'off',
    startsRuns: !first.deployment.args.includes('--runs-per-minute=0'),
  };
}

function checkDelivery({ namespace, name, args }: Controller['deployment']): void {
  const flag = ONLY_SCANS.find((each) => args.includes(each));
  if (flag === undefined) return;
  throw new UserError(
    `expected a controller that binds ScheduledScans, because this command waits for that; found ${flag} in Deployment ` +
      `${namespace}/${name}; set config.delivery to Shared or Direct, and config.bind to auto`,
  );
}

function watches({ namespaces }: Controller, namespace: string): boolean {
  return namespaces === 'all' || namespaces.includes(namespace);
}

/** The operator is recognized by its Deployment or by an earlier run. The first Scan shows whether another one runs. */
const OPERATOR = 'operator';

/**
 * Looks at what scans need, as `check` does.
 *
 * @returns what works only in part, or cannot be seen
 * @throws Unexpected if something is missing
 */
export async function checkInstallation(
  config: ClusterConfig,
  namespace: string,
): Promise<readonly string[]> {
  const items = await survey(config, {
    scope: { kind: 'Namespaces', names: [namespace] },
    leases: [{ namespace: CHART, name: CHART }],
    hasLeaseNamespace: false,
    version: packageJson.version,
  });
  const missing = items.filter(({ state, check }) => state === 'missing' && check !== OPERATOR);
  if (missing.length > 0)
    throw new Unexpected('everything that check looks for', missing.map(lineOf).join('\n'));
  return items.filter(({ state }) => state !== 'ok').map((item) => `warning ${lineOf(item)}`);
}

function lineOf({ check, message, advice }: Item): string {
  return `${check}: ${message}${advice === null ? '' : `; ${advice}`}`;
}

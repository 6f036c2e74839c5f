import packageJson from '../../package.json' with { type: 'json' };
import {
  type ClusterConfig,
  type Controller,
  type Item,
  readControllers,
  survey,
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

/**
 * Reads the settings from the Deployment of the controller, as `check` does. A controller without a Deployment, or one that
 * the user may not read, counts as one with the default settings.
 */
export async function readInstallation(client: KubeClient, namespace: string): Promise<Installation> {
  const controllers = await readControllers(client, { scope: { kind: 'All' }, otherwise: [CHART] });
  const watching =
    controllers.result === 'Seen' ? controllers.value.find((each) => watches(each, namespace)) : undefined;
  if (watching === undefined) return { discovers: false, startsRuns: true };
  return {
    discovers: watching.discovery !== 'off',
    startsRuns: !watching.deployment.args.includes('--runs-per-minute=0'),
  };
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

import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from '../../kube/index.ts';
import { DEFAULT_SCAN_TYPES } from '../../scan/index.ts';
import { type CommandScope, checkNamespaces, withCluster } from '../cluster/index.ts';
import { checkCrd, readApis, secureCodeBoxItem } from './apis.ts';
import {
  CONTROLLER_LABEL,
  type Controller,
  controllerItems,
  controllerOf,
  type LeasePlace,
} from './controller.ts';
import { type DeploymentSearch, readDeployments } from './deployment.ts';
import { matchesPattern } from './glob.ts';
import { heldScanItems } from './held-scans.ts';
import { type Item, type Seen, seenValue, warning } from './item.ts';
import { leaderItem } from './leader.ts';
import { OPERATOR_LABEL, operatorItem } from './operator.ts';
import { policyItem } from './policy.ts';
import { controllerRightsItems, installItem, userItems } from './reviews.ts';
import { readScans, scanTypeItems, usesIn } from './scan-types.ts';
import { webhookItems } from './webhook.ts';

/**
 * Limit on the controllers that are looked at. Any user who may create Deployments can set the label by which they are
 * found.
 */
const MAX_CONTROLLERS = 10;
/** Limit on the patterns of scan types of a controller. */
const MAX_PATTERNS = 100;

export interface SurveySettings {
  readonly scope: CommandScope;
  /** Where the Lease may be if no Deployment says it. At least one. */
  readonly leases: readonly [LeasePlace, ...LeasePlace[]];
  /** Whether the user has named the namespace of the controller, which is then that of the only Lease. */
  readonly hasLeaseNamespace: boolean;
  /** Of this command. */
  readonly version: string;
}

/**
 * Looks at everything that scans with a private image need, with the rights of the user. Reads lists page by page, and
 * writes nothing.
 *
 * @throws UserError if the API server cannot be reached, or if a namespace does not exist
 */
export async function survey(config: KubeConfig, settings: SurveySettings): Promise<readonly Item[]> {
  const purpose = { scope: settings.scope, needs: 'read these objects' };
  return withCluster(config, purpose, 'check', (client) => surveyed(client, settings));
}

async function surveyed(client: KubeClient, settings: SurveySettings): Promise<readonly Item[]> {
  const { scope, leases, version } = settings;
  if (scope.kind === 'Namespaces') await checkNamespaces(client, scope.names);
  const [apis, found, operators] = await Promise.all([
    readApis(client),
    readControllers(client, controllerPlaces(settings)),
    readDeployments(client, { labelSelector: OPERATOR_LABEL, scope: { kind: 'All' }, otherwise: [] }),
  ]);
  const controllers: Seen<readonly Controller[]> =
    found.result === 'Seen' ? { result: 'Seen', value: found.value.slice(0, MAX_CONTROLLERS) } : found;
  const known = seenValue(controllers) ?? [];
  const scans = apis.secureCodeBox.size === 0 ? [] : await readScans(client, scope, apis);
  const leaders = await leaderItems(client, known, leases);
  const hasLeader = leaders.some(({ state }) => state === 'ok');
  const parts = await Promise.all([
    [await checkCrd(client, apis), secureCodeBoxItem(apis)],
    apis.secureCodeBox.size === 0 ? [] : [operatorItem(operators, usesIn(scans))],
    [...controllerItems(controllers, scope, { version, hasLeader }), ...tooMany(found)],
    leaders,
    rightsItems(client, controllers, scope),
    webhooksOf(client, known, scope),
    heldScanItems(client, scope, Date.now()),
    apis.bindings ? [await policyItem(client, scope)] : [],
    userItems(client, scope),
    scans.length === 0 ? [] : scanTypeItems(scans, trivyTypes(known)),
  ]);
  return parts.flat();
}

/** The installed controllers, as their Deployments describe them, the oldest first. */
export async function readControllers(
  client: KubeClient,
  places: Omit<DeploymentSearch, 'labelSelector'>,
): Promise<Seen<readonly Controller[]>> {
  const found = await readDeployments(client, { labelSelector: CONTROLLER_LABEL, ...places });
  return found.result === 'Seen' ? { result: 'Seen', value: found.value.map(controllerOf) } : found;
}

/** Where to look for controllers: in the namespace that the user has named, or else everywhere. */
function controllerPlaces({
  leases,
  hasLeaseNamespace,
}: SurveySettings): Omit<DeploymentSearch, 'labelSelector'> {
  const [first, ...others] = leases.map(({ namespace }) => namespace);
  return hasLeaseNamespace && first !== undefined
    ? { scope: { kind: 'Namespaces', names: [first] }, otherwise: [] }
    : { scope: { kind: 'All' }, otherwise: first === undefined ? [] : [...new Set([first, ...others])] };
}

function tooMany(found: Seen<readonly unknown[]>): readonly Item[] {
  const more = (seenValue(found)?.length ?? 0) - MAX_CONTROLLERS;
  if (more <= 0) return [];
  return [
    warning(
      'controller',
      `${more} more Deployments have the label ${CONTROLLER_LABEL}`,
      'delete those that are not controllers, and run one controller for a namespace',
    ),
  ];
}

async function leaderItems(
  client: KubeClient,
  controllers: readonly Controller[],
  places: SurveySettings['leases'],
): Promise<readonly Item[]> {
  if (controllers.length > 0) return Promise.all(controllers.map(({ lease }) => leaderItem(client, lease)));
  // A controller without a Deployment: the first Lease that exists or, without one, what is missing.
  const items = await Promise.all(places.map((place) => leaderItem(client, place)));
  const [best] = items.toSorted((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
  return best === undefined ? [] : [best];
}

const STATES: readonly Item['state'][] = ['ok', 'warning', 'missing'];

/** The rights of each controller. Before installation, the rights to install one. */
async function rightsItems(
  client: KubeClient,
  controllers: Seen<readonly Controller[]>,
  scope: CommandScope,
): Promise<readonly Item[]> {
  if (controllers.result !== 'Seen') return [];
  if (controllers.value.length === 0) return [await installItem(client)];
  const items = controllers.value.map((each) => controllerRightsItems(client, each, scope));
  return (await Promise.all(items)).flat();
}

async function webhooksOf(
  client: KubeClient,
  controllers: readonly Controller[],
  scope: CommandScope,
): Promise<readonly Item[]> {
  const items = controllers.map((each) => webhookItems(client, each, scope));
  return (await Promise.all(items)).flat();
}

/** Whether the controllers bind scans of a type. Without a known controller: by default. */
function trivyTypes(controllers: readonly Controller[]): (scanType: string) => boolean {
  const all = controllers.length === 0 ? DEFAULT_SCAN_TYPES : controllers.flatMap(patternsOf);
  const patterns = new Set(all.slice(0, MAX_PATTERNS));
  return (scanType) => patterns.values().some((pattern) => matchesPattern(pattern, scanType));
}

function patternsOf({ scanTypes }: Controller): readonly string[] {
  return scanTypes ?? DEFAULT_SCAN_TYPES;
}

import { quoted } from '../../text/index.ts';
import type { CommandScope } from '../cluster/index.ts';
import { type Deployment, readiness, tagOf } from './deployment.ts';
import { type Item, missing, ok, type Seen, someOf, warning } from './item.ts';

/** An installed controller, as its Deployment describes it. */
export interface Controller {
  readonly deployment: Deployment;
  readonly namespaces: 'all' | readonly string[];
  /** Patterns; undefined: the default. */
  readonly scanTypes: readonly string[] | undefined;
  readonly lease: LeasePlace;
  readonly discovery: string;
  readonly marksPods: boolean;
  /** Whether it serves the webhook for new Scans. */
  readonly admission: boolean;
  /** Whether it writes Secrets. */
  readonly writesSecrets: boolean;
}

/** A Lease that controllers use for leader election. */
export interface LeasePlace {
  readonly namespace: string;
  readonly name: string;
}

/** The name of the chart, which is the name of its objects by default. */
export const CHART = 'image-credential-binding';
/** The label of the chart's Deployment. */
export const CONTROLLER_LABEL = `app.kubernetes.io/name=${CHART}`;
const VERSION = /^v?\d+\.\d+(?:\.\d+)?/;
const VERSION_LABEL = 'app.kubernetes.io/version';

/** Reads the flags of a controller from its Deployment. */
export function controllerOf(deployment: Deployment): Controller {
  const flag = (name: string) => flagValue(deployment.args, name);
  const namespaces = listOf(flag('--namespaces'));
  const scanTypes = listOf(flag('--scan-types'));
  return {
    deployment,
    namespaces: namespaces.length === 0 ? 'all' : namespaces,
    scanTypes: scanTypes.length === 0 ? undefined : scanTypes,
    lease: {
      namespace: flag('--lease-namespace') ?? deployment.namespace,
      name: flag('--lease-name') ?? CHART,
    },
    discovery: flag('--discovery') ?? 'off',
    marksPods: deployment.args.includes('--mark-pods'),
    admission: flag('--admission') !== undefined,
    writesSecrets: flag('--write-secrets') !== 'false',
  };
}

/** The value of `--name=value`, or of `--name value`. */
function flagValue(args: readonly string[], name: string): string | undefined {
  const joined = args.find((arg) => arg.startsWith(`${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 1);
  const index = args.indexOf(name);
  return index < 0 ? undefined : args[index + 1];
}

function listOf(text = ''): readonly string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/**
 * Whether a controller is installed, its version, and whether it watches the namespaces.
 *
 * @param context.version - of this command
 * @param context.hasLeader - whether a controller holds the Lease
 */
export function controllerItems(
  controllers: Seen<readonly Controller[]>,
  scope: CommandScope,
  { version, hasLeader }: { readonly version: string; readonly hasLeader: boolean },
): readonly Item[] {
  if (controllers.result !== 'Seen') {
    return [
      warning(
        'controller',
        'you may not list Deployments, so its version and settings are not checked',
        'ask an administrator, or name its namespace with --lease-namespace',
      ),
    ];
  }
  if (controllers.value.length === 0) return [noDeploymentItem(hasLeader)];
  return [
    ...controllers.value.map((each) => controllerItem(each, version)),
    ...unwatchedItems(controllers.value, scope),
  ];
}

function noDeploymentItem(hasLeader: boolean): Item {
  const found = `there is no Deployment with the label ${CONTROLLER_LABEL}`;
  return hasLeader
    ? warning(
        'controller',
        `${found}, but a controller is the leader; its version and settings are not checked`,
        'run it by the chart, unless you run it outside of the cluster on purpose',
      )
    : missing(
        'controller',
        found,
        `install the chart: helm install ${CHART} <chart> --namespace ${CHART} --create-namespace`,
      );
}

function controllerItem({ deployment, namespaces }: Controller, version: string): Item {
  const { name, namespace } = deployment;
  const watched = namespaces === 'all' ? 'all namespaces' : someOf(namespaces.map(quoted));
  const what = `Deployment ${namespace}/${name} watches ${watched}; ${readiness(deployment)}`;
  const running = versionOf(deployment);
  if (running !== version) {
    return warning(
      'controller',
      `${what}; it has ${skew(running, version)}`,
      'use the same version of both, because they may not know the same fields and conditions',
    );
  }
  if (deployment.ready === 0) {
    return warning(
      'controller',
      what,
      `see kubectl describe pods --namespace ${namespace} --selector ${CONTROLLER_LABEL}`,
    );
  }
  return ok('controller', `${what}; version ${version}, as this command`);
}

/** The tag of the image, if it is a version; otherwise, the version of the chart. */
function versionOf({ image, labels }: Deployment): string | undefined {
  const tag = tagOf(image);
  return tag !== undefined && VERSION.test(tag) ? tag.replace(/^v/, '') : labels[VERSION_LABEL];
}

function skew(running: string | undefined, version: string): string {
  if (running === undefined) return `an unknown version, and this command has ${version}`;
  const order = numbersOf(running).localeCompare(numbersOf(version), 'en', { numeric: true });
  const relation = order < 0 ? 'older than' : order > 0 ? 'newer than' : 'not that of';
  return `version ${quoted(running)}, which is ${relation} this command (${version})`;
}

function numbersOf(version: string): string {
  return VERSION.exec(version)?.[0].replace(/^v/, '') ?? '';
}

function unwatchedItems(controllers: readonly Controller[], scope: CommandScope): readonly Item[] {
  if (scope.kind === 'All') return [];
  const unwatched = scope.names.filter((name) => !controllers.some((each) => watches(each, name)));
  if (unwatched.length === 0) return [];
  return [
    missing(
      'controller',
      `no controller watches ${someOf(unwatched.map(quoted))}, so bindings there have no effect`,
      'add the namespaces to the value namespaces of the chart',
    ),
  ];
}

/** Whether the controller acts on the bindings of this namespace. */
function watches({ namespaces }: Controller, namespace: string): boolean {
  return namespaces === 'all' || namespaces.includes(namespace);
}

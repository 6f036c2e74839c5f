import type { Logger } from 'pino';
import { imageCredentialBindings, MANAGED_BY, MANAGED_BY_LABEL } from '../api/index.ts';
import { readBinding, unreadableBinding } from '../binding/index.ts';
import type { PullSecretType } from '../credential/index.ts';
import {
  type AnyReflector,
  type KubeClient,
  Reflector,
  scopesOf,
  type WatchedNamespaces,
} from '../kube/index.ts';
import { type KubeObject, SCANS, SCHEDULED_SCANS, SECRETS, storedMeta } from '../object/index.ts';
import {
  nextRun,
  type RawScheduledScan,
  readAdmittedRun,
  readRun,
  readScheduledScan,
  type ScheduledScan,
  unreadableScan,
} from '../scan/index.ts';
import { readOtherSecret, readTrivySecret } from '../secret/index.ts';
import { failureMessage } from '../text/index.ts';
import type { Stores } from './stores.ts';

const DOCKER_CONFIG_JSON: PullSecretType = 'kubernetes.io/dockerconfigjson';
const DOCKERCFG: PullSecretType = 'kubernetes.io/dockercfg';

/** The objects that the reflectors watch. */
interface ReflectedScope {
  readonly namespaces: WatchedNamespaces;
  /** Whether new Scans are bound, so that Scans without a ScheduledScan are kept, too. */
  readonly admission: boolean;
}

/** One reflector for each store, or, if namespaces are listed, one for each store and namespace. */
export function createReflectors(
  client: KubeClient,
  stores: Stores,
  { namespaces, admission }: ReflectedScope,
  log: Logger,
): readonly AnyReflector[] {
  return scopesOf(namespaces).flatMap((scope) => reflectorsIn({ ...scope, admission }, client, stores, log));
}

function reflectorsIn(
  { admission, ...scope }: { readonly namespace?: string; readonly admission: boolean },
  client: KubeClient,
  stores: Stores,
  log: Logger,
): readonly AnyReflector[] {
  const ours = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
  const notOurs = `${MANAGED_BY_LABEL}!=${MANAGED_BY}`;
  const common = { client, log, selection: scope };
  return [
    new Reflector({
      ...common,
      resource: imageCredentialBindings,
      project: readBinding,
      unreadable: unreadableBinding,
      store: stores.bindings,
    }),
    new Reflector({
      ...common,
      resource: SCHEDULED_SCANS,
      project: projectScan,
      unreadable: (scan, error) => unreadableScan(scan, failureMessage('this ScheduledScan', error)),
      store: stores.scheduledScans,
    }),
    new Reflector({
      ...common,
      resource: SCANS,
      project: admission ? readAdmittedRun : readRun,
      store: stores.runs,
    }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: {
        ...scope,
        labelSelector: notOurs,
        fieldSelector: `type=${DOCKER_CONFIG_JSON}`,
        metadataOnly: true,
      },
      project: storedMeta,
      store: stores.pullSecrets,
    }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: { ...scope, labelSelector: notOurs, fieldSelector: `type=${DOCKERCFG}`, metadataOnly: true },
      project: storedMeta,
      store: stores.dockercfgSecrets,
    }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: { ...scope, labelSelector: ours },
      project: readTrivySecret,
      store: stores.trivySecrets,
    }),
    new Reflector({
      ...common,
      resource: SECRETS,
      selection: {
        ...scope,
        labelSelector: notOurs,
        fieldSelector: `type!=${DOCKER_CONFIG_JSON},type!=${DOCKERCFG}`,
        metadataOnly: true,
      },
      project: readOtherSecret,
      store: stores.otherSecrets,
    }),
  ];
}

/**
 * Evaluates the schedule of each scan on arrival, so that a reconcile of thousands of scans does not evaluate all at
 * once.
 */
function projectScan(raw: RawScheduledScan & KubeObject): ScheduledScan {
  const scan = readScheduledScan(raw);
  nextRun(scan.schedule);
  return scan;
}

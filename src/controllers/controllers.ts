import type { Logger } from 'pino';
import type { EventRecorder, KubeClient, ListenerErrorHandler, WatchedNamespaces } from '../kube/index.ts';
import type { RegistryChecker } from '../registry/index.ts';
import type { RunCause } from '../scan/index.ts';
import type { Stores } from '../state/index.ts';
import { BindingReconciler, type BindingSettings, connectBindingTriggers } from './binding/index.ts';
import type { Controller } from './controller.ts';
import { createDiscovery, type DiscoverySettings } from './discovery/index.ts';
import {
  connectHeldScanTriggers,
  connectHoldLimitTriggers,
  HeldScanReconciler,
  HoldLimiter,
} from './held-scan/index.ts';
import { connectRunTriggers, RunReconciler } from './run/index.ts';
import { connectSourceSecretTriggers, SourceSecretReader } from './source-secret/index.ts';
import { connectTrivySecretTriggers, TrivySecretReconciler } from './trivy-secret/index.ts';

/** The dependencies and settings of the controllers. */
export interface ControllerOptions {
  readonly client: KubeClient;
  /** Writes also while this process does not lead. */
  readonly unfenced: KubeClient;
  readonly stores: Stores;
  readonly events: EventRecorder;
  readonly checker: RegistryChecker;
  readonly namespaces: WatchedNamespaces;
  readonly log: Logger;
  readonly onListenerError: ListenerErrorHandler;
  readonly settings: {
    readonly binding: BindingSettings;
    /** How long an unused Trivy Secret is kept, in milliseconds. */
    readonly unusedSecretGraceMs: number;
    /** Limit on started runs per minute; 0: no run is started. */
    readonly runsPerMinute: number;
    /** How long a requested run waits for a Scan that has not ended, in milliseconds. */
    readonly runWaitMs: number;
    /** Whether new Scans are bound, so that some of them are held. */
    readonly admission: boolean;
    /** undefined: discovery is off. */
    readonly discovery: DiscoverySettings | undefined;
  };
  /** For metrics. */
  readonly onMigrated: (scans: number) => void;
  readonly onRunStarted: (cause: RunCause) => void;
  readonly onHoldEnded: (result: string) => void;
}

/** Creates the controllers. Each has a name, a reconcile function, and triggers that add keys to its queue. */
export function createControllers(options: ControllerOptions): Controllers {
  const { client, stores, settings } = options;
  const { runsPerMinute, runWaitMs } = settings;
  const discovery = settings.discovery && createDiscovery({ ...options, settings: settings.discovery });
  const bindings = new BindingReconciler({ ...options, settings: settings.binding });
  const runs = new RunReconciler({
    client,
    stores,
    runsPerMinute,
    runWaitMs,
    onStarted: options.onRunStarted,
  });
  const sources = new SourceSecretReader({ client, stores });
  const table: readonly Controller[] = [
    {
      name: 'binding',
      runs: 'Leading',
      reconcile: bindings.reconcile,
      connect: (queue) => connectBindingTriggers(stores, queue),
    },
    ...(settings.binding.writesSecrets ? [trivySecretController(options)] : []),
    {
      name: 'run',
      runs: 'Leading',
      reconcile: runs.reconcile,
      connect: (queue) => connectRunTriggers(stores, queue),
    },
    {
      name: 'sourcesecret',
      runs: 'Always',
      reconcile: sources.reconcile,
      connect: (queue) => connectSourceSecretTriggers(stores, queue),
    },
    ...(settings.admission ? heldScanControllers(options, bindings) : []),
    ...(discovery === undefined ? [] : [discovery]),
  ];
  return { table, countDiscovered: discovery?.count };
}

function trivySecretController({ client, stores, settings }: ControllerOptions): Controller {
  const { unusedSecretGraceMs: graceMs } = settings;
  const { reconcile } = new TrivySecretReconciler({ client, stores, graceMs });
  return {
    name: 'trivysecret',
    runs: 'Leading',
    reconcile,
    connect: (queue) => connectTrivySecretTriggers(stores, queue),
  };
}

function heldScanControllers(
  { client, unfenced, stores, onHoldEnded: onEnded }: ControllerOptions,
  { planNewScan: plan, decideNewScan: decide, writeSecret }: BindingReconciler,
): readonly Controller[] {
  const held = new HeldScanReconciler({ client, stores, plan, decide, writeSecret, onEnded });
  const limiter = new HoldLimiter({ client: unfenced, stores, onEnded });
  return [
    {
      name: 'heldscan',
      runs: 'Leading',
      reconcile: held.reconcile,
      connect: (queue) => connectHeldScanTriggers(stores, queue),
    },
    {
      name: 'holdlimit',
      runs: 'Always',
      reconcile: limiter.reconcile,
      connect: (queue) => connectHoldLimitTriggers(stores, queue),
    },
  ];
}

export interface Controllers {
  readonly table: readonly Controller[];
  /** For metrics: the numbers of watched pods and of discovered bindings; undefined: discovery is off. */
  readonly countDiscovered: (() => { readonly pods: number; readonly bindings: number }) | undefined;
}

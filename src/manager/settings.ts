import type { AdmissionSettings } from '../admission/index.ts';
import type { Delivery } from '../api/index.ts';
import type { ControllerOptions } from '../controllers/index.ts';
import type { LeaseSettings, WatchedNamespaces } from '../kube/index.ts';
import type { RegistrySettings } from '../registry/index.ts';

/** The validated settings of the process. */
export interface ManagerSettings
  extends Pick<
    ControllerOptions['settings'],
    'unusedSecretGraceMs' | 'runsPerMinute' | 'runWaitMs' | 'discovery'
  > {
  /** The namespaces that the controllers watch. */
  readonly namespaces: WatchedNamespaces;
  /** Names of the scan types whose ScheduledScans are bound, with `*` for any characters. */
  readonly scanTypes: readonly string[];
  /** How many keys each controller reconciles at the same time. */
  readonly concurrency: number;
  /** The address of probes and metrics. `host` undefined: all addresses. `port` 0: any free port. */
  readonly serve: { readonly host: string | undefined; readonly port: number };
  /** The Lease of the leader election. */
  readonly lease: LeaseSettings;
  /** How credentials are checked with registries. */
  readonly registries: RegistrySettings;
  /** The webhook for new Scans; undefined: it is off. */
  readonly admission: AdmissionSettings | undefined;
  /** What is bound: ScheduledScans, except those from Git if the webhook is on; or only new Scans. */
  readonly bind: 'auto' | 'scans';
  /** How scans get the credential of a binding whose spec does not say so. */
  readonly delivery: Delivery;
  /** Whether the controller may write Secrets. */
  readonly writesSecrets: boolean;
}

import type { ControllerOptions } from '../controllers/index.ts';
import type { LeaseSettings, WatchedNamespaces } from '../kube/index.ts';
import type { RegistrySettings } from '../registry/index.ts';

/** Settings of the whole process, all checked. */
export interface ManagerSettings
  extends Pick<ControllerOptions['settings'], 'unusedSecretGraceMs' | 'runsPerMinute' | 'discovery'> {
  /** Where everything happens. */
  readonly namespaces: WatchedNamespaces;
  /** Names of the scan types whose ScheduledScans are bound, with `*` for any characters. */
  readonly scanTypes: readonly string[];
  /** How many keys each controller reconciles at the same time. */
  readonly concurrency: number;
  /** Where probes and metrics are served; no host: on all addresses; port 0: any. */
  readonly serve: { readonly host: string | undefined; readonly port: number };
  /** The Lease by which one of several processes leads. */
  readonly lease: LeaseSettings;
  /** How registries are asked whether a credential may pull. */
  readonly registries: RegistrySettings;
}

import type { Stored } from '../../object/index.ts';
import type { Pod } from '../../pod/index.ts';
import type { MissingSince } from './grace-periods.ts';

/** A binding that discovery created, in its current state. */
export interface DiscoveredBinding extends Stored {
  /** In canonical form; undefined if a user has changed the image to one that discovery would not write. */
  readonly repository: string | undefined;
  readonly imagePullSecrets: readonly string[];
  /** In canonical form. */
  readonly replaces: readonly string[];
  /** The containers that use it, according to its annotation: `Deployment/web/app`. */
  readonly users: readonly string[];
  /** Milliseconds since the epoch: since when it has been unused, according to its annotation. */
  readonly unusedSince: number | undefined;
}

/** A user-created binding, or a discovered one whose label a user has removed. */
export interface UserCreatedBinding {
  readonly name: string;
  /** The repository of its image; undefined if the image has a tag or a digest, or cannot be read. */
  readonly repository: string | undefined;
  readonly replaces: readonly string[];
}

/** The facts about a namespace on which discovery decides. */
export interface ObservedNamespace {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How long an unused binding is kept, in milliseconds. */
  readonly graceMs: number;
  /** Empty if the namespace is not opted in. */
  readonly pods: readonly Pod[];
  readonly discovered: readonly DiscoveredBinding[];
  readonly userCreated: readonly UserCreatedBinding[];
  /** Whether a ScheduledScan of the namespace names this repository. */
  readonly isScanned: (repository: string) => boolean;
  /** What was missing at the last decision. */
  readonly missingSince: MissingSince;
  /** Names of the bindings that are Ready; undefined if pods are not marked. */
  readonly readyBindings: ReadonlySet<string> | undefined;
}

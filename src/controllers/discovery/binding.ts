import type { Stored } from '../../object/index.ts';

/** A binding that discovery has made, as it stands. */
export interface OwnBinding extends Stored {
  /** In canonical form; undefined where somebody has changed it into something that discovery would not write. */
  readonly repository: string | undefined;
  readonly imagePullSecrets: readonly string[];
  /** In canonical form. */
  readonly replaces: readonly string[];
  /** Who uses it, as its annotation says: `Deployment/web/app`. */
  readonly users: readonly string[];
  /** Milliseconds since the epoch: since when nothing has used it, as its annotation says. */
  readonly unusedSince: number | undefined;
}

/** A binding that a person has written, or taken over. */
export interface PersonsBinding {
  readonly name: string;
  /** The repository that it is for; undefined where it is for one version, or cannot be read. */
  readonly repository: string | undefined;
  readonly replaces: readonly string[];
}

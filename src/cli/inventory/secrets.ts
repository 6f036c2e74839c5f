import {
  isManagedSecret,
  type NamedSecret,
  type RawSecret,
  readNamedSecret,
  readSourceSecret,
  type SourceSecret,
} from '../../secret/index.ts';
import type { Inventory } from './inventory.ts';

/** A Secret, read once for each use. */
export interface ReadSecret {
  /** As the controller finds it. */
  readonly state: NamedSecret;
  /** Its content, with a detailed message if it cannot be used; undefined: the controller created it. */
  readonly source: SourceSecret | undefined;
}

export function readSecret(object: RawSecret): ReadSecret {
  const source = isManagedSecret(object) ? undefined : readSourceSecret(object);
  return { state: readNamedSecret(object), source };
}

/** @param read - their names are unique */
export function secretsIn(read: readonly ReadSecret[]): Pick<Inventory, 'secrets' | 'states'> {
  return {
    secrets: read.flatMap(({ source }) => source ?? []),
    states: new Map(read.map(({ state }) => [state.name, state])),
  };
}

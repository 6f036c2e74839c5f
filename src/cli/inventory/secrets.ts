import {
  isManagedSecret,
  isPullSecret,
  type NamedSecret,
  namedSecret,
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
  // The content of a pull secret is the same for both. Parsing it takes the most time.
  const isRead = source !== undefined && isPullSecret(object);
  return { state: isRead ? namedSecret(source) : readNamedSecret(object), source };
}

/** @param read - their names are unique */
export function secretsIn(read: readonly ReadSecret[]): Pick<Inventory, 'secrets' | 'states'> {
  return {
    secrets: read.flatMap(({ source }) => source ?? []),
    states: new Map(read.map(({ state }) => [state.name, state])),
  };
}

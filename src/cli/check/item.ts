import { hasReason } from '../../kube/index.ts';

/** `warning`: it works only in part, or cannot be seen with the rights of the user. */
type State = 'ok' | 'warning' | 'missing';

/** One line of the result. It is an element of `check -o json`, so its keys are a contract. */
export interface Item {
  readonly state: State;
  /** What was checked: `secureCodeBox`. */
  readonly check: string;
  /** What was found. */
  readonly message: string;
  /** What to do; null: nothing. */
  readonly advice: string | null;
}

export function ok(check: string, message: string): Item {
  return { state: 'ok', check, message, advice: null };
}

export function warning(check: string, message: string, advice: string): Item {
  return { state: 'warning', check, message, advice };
}

export function missing(check: string, message: string, advice: string): Item {
  return { state: 'missing', check, message, advice };
}

/** What a read shows with the rights of the user. */
export type Seen<T> =
  | { readonly result: 'Seen'; readonly value: T }
  /** The cluster has no such object, or does not know the resource. */
  | { readonly result: 'Absent' }
  /** The user may not read it. */
  | { readonly result: 'Hidden' };

/** @throws KubeError for any other error */
export async function seen<T>(read: Promise<T>): Promise<Seen<T>> {
  try {
    return { result: 'Seen', value: await read };
  } catch (error) {
    if (hasReason(error, 'NotFound')) return { result: 'Absent' };
    if (hasReason(error, 'Forbidden')) return { result: 'Hidden' };
    throw error;
  }
}

/** The value; undefined: it was not seen. */
export function seenValue<T>(read: Seen<T>): T | undefined {
  return read.result === 'Seen' ? read.value : undefined;
}

/** Limit on the names in a message. */
const SHOWN = 5;

/** A list for a message: the first names, and how many follow. */
export function someOf(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return [...names.slice(0, SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

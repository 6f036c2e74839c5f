import { isShared, type RegistryAnswer } from '../answer/index.ts';
import { Recent } from './recent.ts';

/** An answer of a registry or of a cloud. Times are in milliseconds since 1970. */
interface Known {
  readonly answer: RegistryAnswer | { readonly result: 'Login' };
  readonly requestedAt: number;
  readonly freshUntil: number;
}

/**
 * The remembered answers. All namespaces share those for which {@link isShared} is true. Others, such as LookupDelayed, are
 * returned only to the namespace that requested the check, so that it cannot make the checks of others fail.
 */
export class Memory<Answer extends Known> {
  readonly #recent: Recent<Answer>;

  /** @param capacity - limit on remembered answers, see {@link Recent} */
  constructor(capacity: number) {
    this.#recent = new Recent(capacity);
  }

  /** The answer for this namespace; undefined: there is none. Of two answers, the one that is valid longer. */
  get(key: string, namespace: string): Answer | undefined {
    const shared = this.#recent.get(key);
    const own = this.#recent.get(ownKey(key, namespace));
    if (shared === undefined || own === undefined) return shared ?? own;
    return own.freshUntil > shared.freshUntil ? own : shared;
  }

  /**
   * Remembers an answer, unless another namespace has a valid answer from a later check.
   *
   * @param namespace - the namespace that requested the check; the answer counts against its share of the memory
   * @returns the answer that is known now
   */
  keep(key: string, answer: Answer, namespace: string): Answer {
    const known = this.get(key, namespace);
    if (known !== undefined && known.requestedAt > answer.requestedAt && known.freshUntil > Date.now())
      return known;
    this.#recent.set(isShared(answer.answer) ? key : ownKey(key, namespace), answer, namespace);
    return answer;
  }

  /** Forgets the answer that all namespaces share. */
  delete(key: string): void {
    this.#recent.delete(key);
  }
}

/** Unambiguous, because the name of a namespace contains no spaces. */
function ownKey(key: string, namespace: string): string {
  return `${namespace} ${key}`;
}

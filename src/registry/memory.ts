import { isShared, type RegistryAnswer } from '../answer/index.ts';
import { Recent } from './recent.ts';

/** An answer of a registry or of a cloud. Times are in milliseconds since 1970. */
interface Known {
  readonly answer: RegistryAnswer | { readonly result: 'Login' };
  readonly askedAt: number;
  readonly askAgainAt: number;
}

/**
 * The answers that are remembered. All namespaces share those that {@link isShared}. Only the namespace that asked gets
 * the others, such as LookupDelayed, so that it cannot make the checks of others fail.
 */
export class Memory<Answer extends Known> {
  readonly #recent: Recent<Answer>;

  /** @param capacity - how many answers are remembered; see {@link Recent} */
  constructor(capacity: number) {
    this.#recent = new Recent(capacity);
  }

  /** What this namespace may know; undefined: nothing. Of two answers, the one that holds longer. */
  get(key: string, namespace: string): Answer | undefined {
    const shared = this.#recent.get(key);
    const own = this.#recent.get(ownKey(key, namespace));
    if (shared === undefined || own === undefined) return shared ?? own;
    return own.askAgainAt > shared.askAgainAt ? own : shared;
  }

  /**
   * Remembers an answer, unless another namespace asked later and has an answer that still holds.
   *
   * @param namespace - which asked; the answer counts against its share of the memory
   * @returns what is known now
   */
  keep(key: string, answer: Answer, namespace: string): Answer {
    const known = this.get(key, namespace);
    if (known !== undefined && known.askedAt > answer.askedAt && known.askAgainAt > Date.now()) return known;
    this.#recent.set(isShared(answer.answer) ? key : ownKey(key, namespace), answer, namespace);
    return answer;
  }

  /** Forgets what all namespaces share. */
  delete(key: string): void {
    this.#recent.delete(key);
  }
}

/** The name of a namespace has no spaces. */
function ownKey(key: string, namespace: string): string {
  return `${namespace} ${key}`;
}

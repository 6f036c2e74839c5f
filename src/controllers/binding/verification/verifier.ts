import type { Logger } from 'pino';
import type { Question } from '../../../answer/index.ts';
import { repositoryName } from '../../../image/index.ts';
import { keyOf, type Stored } from '../../../object/index.ts';
import type { RegistryChecker } from '../../../registry/index.ts';
import { Jitter } from './jitter.ts';
import type { VerificationRequests } from './requests.ts';

/** A binding for which is asked. */
type Asker = Pick<Stored, 'namespace' | 'name'>;

/** Starts the checks that a reconcile needs, and enqueues the binding again when their answers arrive. */
export class Verifier {
  readonly #checker: RegistryChecker;
  readonly #enqueue: (key: string) => void;
  readonly #jitter = new Jitter();

  /** @param options.enqueue - takes the key of a binding that is to be reconciled again */
  constructor(options: {
    readonly checker: RegistryChecker;
    readonly enqueue: (key: string) => void;
  }) {
    this.#checker = options.checker;
    this.#enqueue = options.enqueue;
  }

  /**
   * Asks what is open and has its turn; waits for no answer.
   *
   * @param now - in milliseconds since the epoch
   * @returns after how many milliseconds to look again; undefined: when an answer comes
   */
  start(
    asker: Asker,
    { checks, login, nextAt }: VerificationRequests,
    now: number,
    log: Logger,
  ): number | undefined {
    const times = nextAt === undefined ? [] : [nextAt];
    if (login !== undefined) void this.#obtain(asker, login, log);
    for (const { question, isDeferrable } of checks) {
      const turn = isDeferrable ? this.#turn(question, now) : now;
      if (turn > now) times.push(turn);
      else void this.#ask(asker, question, log);
    }
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - now);
  }

  /** Never rejects either. Others that want the same login ask for it themselves, and hear the same. */
  async #obtain(
    asker: Asker,
    { credential, host }: NonNullable<VerificationRequests['login']>,
    log: Logger,
  ): Promise<void> {
    const known = await this.#checker.obtainLogin(credential, host, asker.namespace);
    log.debug({ host, answer: known?.answer.result }, 'cloud answered');
    this.#enqueue(keyOf(asker));
  }

  #turn({ image, credential }: Question, now: number): number {
    return credential === undefined ? now : this.#jitter.turn(credential, repositoryName(image), now);
  }

  /**
   * Never rejects, because the checker never does. Other bindings that need the same answer request it themselves, and
   * share it. Rivals are enqueued when the selection of this binding changes.
   */
  async #ask(asker: Asker, question: Question, log: Logger): Promise<void> {
    const { answer } = await this.#checker.ask(question, asker.namespace);
    const repository = repositoryName(question.image);
    log.debug({ repository, answer: answer.result }, 'registry answered');
    this.#enqueue(keyOf(asker));
  }
}

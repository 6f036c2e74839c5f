import type { Logger } from 'pino';
import type { Check } from '../../../answer/index.ts';
import { repositoryName } from '../../../image/index.ts';
import type { Stored } from '../../../object/index.ts';
import type { RegistryChecker } from '../../../registry/index.ts';
import { Jitter } from './jitter.ts';
import type { VerificationRequests } from './requests.ts';

/** The reconcile that needs answers. */
export interface Requester {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly log: Logger;
  /** Adds the key of this reconcile to its queue again when an answer arrives. */
  readonly requeue: () => void;
}

/** Starts the checks that a reconcile needs. */
export class Verifier {
  readonly #checker: RegistryChecker;
  readonly #jitter = new Jitter();

  constructor(checker: RegistryChecker) {
    this.#checker = checker;
  }

  /**
   * Starts the checks that are due, and the request for a login. Does not wait for answers.
   *
   * @returns after how many milliseconds to reconcile again; undefined: when an answer arrives
   */
  start(
    { namespace }: Pick<Stored, 'namespace'>,
    { checks, login, nextAt }: VerificationRequests,
    requester: Requester,
  ): number | undefined {
    const { now } = requester;
    const times = nextAt === undefined ? [] : [nextAt];
    if (login !== undefined) void this.#requestLogin(namespace, login, requester);
    for (const { check, isDeferrable } of checks) {
      const dueAt = isDeferrable ? this.#dueAt(check, now) : now;
      if (dueAt > now) times.push(dueAt);
      else void this.#check(namespace, check, requester);
    }
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - now);
  }

  /**
   * Never rejects, because the checker never does. Other bindings that need the same login request it themselves, and share
   * the answer.
   */
  async #requestLogin(
    namespace: string,
    { credential, host }: NonNullable<VerificationRequests['login']>,
    { log, requeue }: Requester,
  ): Promise<void> {
    const known = await this.#checker.obtainLogin(credential, host, namespace);
    log.debug({ host, answer: known?.answer.result }, 'cloud answered');
    requeue();
  }

  #dueAt({ image, credential }: Check, now: number): number {
    return credential === undefined ? now : this.#jitter.dueAt(credential, repositoryName(image), now);
  }

  /**
   * Never rejects, because the checker never does. Other bindings that need the same answer start the check themselves,
   * and share its answer. Rivals are enqueued when the selection of this binding changes.
   */
  async #check(namespace: string, check: Check, { log, requeue }: Requester): Promise<void> {
    const { answer } = await this.#checker.check(check, namespace);
    const repository = repositoryName(check.image);
    log.debug({ repository, answer: answer.result }, 'registry answered');
    requeue();
  }
}

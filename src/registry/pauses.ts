import { type Check, isLocal, type RegistryAnswer } from '../answer/index.ts';
import { type DatedAnswer, JITTER } from './dated-answer.ts';
import type { Fingerprints } from './fingerprints.ts';
import { Recent } from './recent.ts';

const REMEMBERED_PAUSES = 1_000;

/** The answer that all checks get until a certain time. */
interface Pause {
  readonly answer: RegistryAnswer;
  readonly requestedAt: number;
  readonly until: number;
}

/** The registries that are not contacted until a certain time, either at all or with one credential. */
export class Pauses {
  readonly #fingerprints: Fingerprints;
  /** By host, or by host and credential. */
  readonly #pauses = new Recent<Pause>(REMEMBERED_PAUSES);

  constructor(fingerprints: Fingerprints) {
    this.#fingerprints = fingerprints;
  }

  /** The answer during a pause of the registry, or of this credential; undefined: the registry may be contacted. */
  answer(check: Check): DatedAnswer | undefined {
    const pause = [check.image.host, this.#key(check)]
      .map((key) => this.#pauses.get(key))
      .find((each) => each !== undefined && each.until > Date.now());
    return pause && paused(pause);
  }

  /**
   * Records the answer of a registry. Starts a pause if the registry requested one or is unreachable. Ends the pause if the
   * registry is reachable again.
   *
   * @param namespace - the pause counts against its share of the memory; it applies to all namespaces
   * @returns the answer, which is valid until the end of a pause that the registry requested
   */
  note(check: Check, found: DatedAnswer, namespace: string): DatedAnswer {
    const { answer, requestedAt, freshUntil } = found;
    const { host } = check.image;
    if (answer.result === 'RateLimited') {
      const pause = { answer, requestedAt, until: answer.until };
      this.#pauses.set(answer.at === 'ping' ? host : this.#key(check), pause, namespace);
      return paused(pause);
    }
    if (isOutOfReach(answer)) this.#pauses.set(host, { answer, requestedAt, until: freshUntil }, namespace);
    else if (!isLocal(answer) && this.#pauses.get(host)?.answer.result === 'Unreachable')
      this.#pauses.delete(host);
    return found;
  }

  #key({ image, credential }: Check): string {
    return `${image.host} ${this.#fingerprints.of(credential)}`;
  }
}

function paused({ answer, requestedAt, until }: Pause): DatedAnswer {
  return { answer, requestedAt, freshUntil: until + (until - requestedAt) * JITTER * Math.random() };
}

/** Whether the registry could not be contacted at all, which affects every check. */
function isOutOfReach(answer: RegistryAnswer): boolean {
  const noAnswer = answer.result === 'Unreachable' && answer.at === 'ping' && answer.httpCode === undefined;
  return noAnswer && !isLocal(answer);
}

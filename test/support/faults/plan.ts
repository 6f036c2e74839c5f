import { chance, chanceBelow } from './chance.ts';
import { type Fault, nameOf } from './fault.ts';
import { isWatch, type Matches, type ProxiedRequest, readRequest } from './request.ts';

/** A fault, and how often it hits the requests that match. If several rules hit, the first one applies. */
export interface Rule {
  readonly fault: Fault;
  /** From 0 (never) to 1 (always). */
  readonly probability: number;
  /** Without it, the rule matches all requests. */
  readonly when?: Matches;
}

/** A fault that took effect. */
export interface Injection {
  readonly fault: Fault;
  readonly request: ProxiedRequest;
}

/** The fault for one request. */
export interface Decision extends Injection {
  /** Number of complete lines to pass before a fault that has `afterLines` takes effect. */
  readonly lines: number;
  /** Where to cut a line, from 0 (start) to 1 (end). */
  readonly share: number;
  /** Called when the fault takes effect. Only the first call counts. */
  readonly tookEffect: () => void;
}

interface PendingFault {
  readonly fault: Fault;
  readonly matches: Matches;
  readonly effective: PromiseWithResolvers<Injection>;
}

const LOG_LENGTH = 200;
const LINES_DRAWN_FROM = 20;
const ONLY_FOR_WATCHES: ReadonlySet<Fault['kind']> = new Set(['expire', 'drop-bookmarks']);

/**
 * Decides which request gets which fault. The fault of the n-th request of a kind depends only on the seed and the
 * rules, not on concurrent requests.
 */
export class FaultPlan {
  readonly seed: number;
  rules: readonly Rule[] = [];
  readonly #once: PendingFault[] = [];
  readonly #occurrences = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  readonly #log: string[] = [];

  constructor(seed: number) {
    this.seed = seed;
  }

  /** How many faults took effect, by name. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => a.localeCompare(b)));
  }

  /** The latest faults that took effect, one per line, oldest first. */
  get log(): string {
    return this.#log.join('\n');
  }

  /** Gives `fault` to the next request that matches, before any rule. Resolves when it has taken effect. */
  once(fault: Fault, matches: Matches): Promise<Injection> {
    const effective = Promise.withResolvers<Injection>();
    this.#once.push({ fault, matches, effective });
    return effective.promise;
  }

  /** Counts a request, and returns the fault for it, if any. */
  decide(method: string, target: string): { request: ProxiedRequest; decision: Decision | undefined } {
    const read = readRequest(method, target);
    const occurrence = (this.#occurrences.get(read.kind) ?? 0) + 1;
    this.#occurrences.set(read.kind, occurrence);
    const request = { ...read, occurrence };
    const pending = this.#takePending(request);
    const fault = pending?.fault ?? this.#drawn(request);
    return {
      request,
      decision: fault === undefined ? undefined : this.#decision(fault, request, pending?.effective),
    };
  }

  #takePending(request: ProxiedRequest): PendingFault | undefined {
    const index = this.#once.findIndex(({ fault, matches }) => suits(fault, request) && matches(request));
    return index === -1 ? undefined : this.#once.splice(index, 1)[0];
  }

  #drawn(request: ProxiedRequest): Fault | undefined {
    const hit = this.rules.find(
      ({ fault, probability, when }) =>
        suits(fault, request) &&
        (when === undefined || when(request)) &&
        chance(this.seed, request.kind, request.occurrence, nameOf(fault)) < probability,
    );
    return hit?.fault;
  }

  #decision(
    fault: Fault,
    request: ProxiedRequest,
    effective: PromiseWithResolvers<Injection> | undefined,
  ): Decision {
    const { kind, occurrence } = request;
    const drawn = chanceBelow(LINES_DRAWN_FROM, this.seed, kind, occurrence, 'lines');
    const configured = 'afterLines' in fault ? fault.afterLines : undefined;
    let hasEffect = false;
    return {
      fault,
      request,
      lines: configured ?? (isWatch(request) ? drawn : 0),
      share: chance(this.seed, kind, occurrence, 'share'),
      tookEffect: () => {
        if (hasEffect) return;
        hasEffect = true;
        this.#note({ fault, request });
        effective?.resolve({ fault, request });
      },
    };
  }

  #note({ fault, request }: Injection): void {
    const name = nameOf(fault);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    this.#log.push(`${name}: ${request.kind} (${request.occurrence})`);
    if (this.#log.length > LOG_LENGTH) this.#log.shift();
  }
}

function suits(fault: Fault, request: ProxiedRequest): boolean {
  return isWatch(request) || !ONLY_FOR_WATCHES.has(fault.kind);
}

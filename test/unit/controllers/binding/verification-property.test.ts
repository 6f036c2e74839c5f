import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { KnownAnswer, RegistryAnswer } from '../../../../src/answer/registry-answer.ts';
import type { ImageCredentialBindingStatus, Verification } from '../../../../src/api/index.ts';
import { chosenCandidate } from '../../../../src/policy/credential-choice.ts';
import { Namespace, NOW, plans } from './cluster.ts';

const MINUTE = 60_000;
const SECRETS = ['first', 'second'] as const;
type Who = (typeof SECRETS)[number] | 'nobody';

/** What may happen to a binding with two entries that fit, the first before the second. */
type Step =
  | { readonly step: 'answer'; readonly who: Who; readonly answer: RegistryAnswer }
  | { readonly step: 'rotate'; readonly who: (typeof SECRETS)[number] }
  | { readonly step: 'remove'; readonly who: (typeof SECRETS)[number] }
  | { readonly step: 'spec'; readonly verification: Verification };

const answers = fc.constantFrom<RegistryAnswer>(
  { result: 'Pullable' },
  { result: 'Allowed' },
  { result: 'Denied', httpCode: 403, at: 'token' },
  { result: 'Inconclusive', why: 'RepositoryUnknown' },
  { result: 'Unreachable', why: 'Timeout', at: 'ping' },
  { result: 'RateLimited', until: NOW },
);
const steps = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      step: fc.constant('answer' as const),
      who: fc.constantFrom<Who>('first', 'second', 'nobody'),
      answer: answers,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ step: fc.constant('rotate' as const), who: fc.constantFrom(...SECRETS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('remove' as const), who: fc.constantFrom(...SECRETS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      step: fc.constant('spec' as const),
      verification: fc.constantFrom<Verification>('Required', 'Preferred', 'Never'),
    }),
  },
);

/** A binding, and a registry that answers as the steps say; each step takes a minute. */
class History {
  readonly namespace = new Namespace();
  now = NOW;
  readonly #values = new Map<Who, number>();
  readonly #known = new Map<string, KnownAnswer>();

  constructor(verification: Verification) {
    for (const who of SECRETS) this.#rotate(who);
    this.#specify(verification);
    this.namespace.scan('scan');
  }

  /** What is known of somebody's present value. */
  known(who: Who): KnownAnswer | undefined {
    return this.#known.get(this.#shown(who));
  }

  get status(): ImageCredentialBindingStatus | undefined {
    return this.namespace.stores.bindings.get('ns/app')?.status;
  }

  get verification(): Verification | undefined {
    const binding = this.namespace.stores.bindings.get('ns/app');
    return binding?.validity === 'Valid' ? binding.verification : undefined;
  }

  /** Whose credential scans use. */
  get used(): Who | undefined {
    // One of the two, for those are all that there are.
    return this.status?.credential?.secret.name as Who | undefined;
  }

  get bindsAnew(): boolean {
    const { scans } = this.namespace.decide('app', this.now);
    return scans.some((plan) => plan.plan === 'Edit' && plan.scan.bound === undefined);
  }

  isStillThere(who: Who | undefined): boolean {
    return this.namespace.stores.pullSecrets.get(`ns/${who}`) !== undefined;
  }

  take(step: Step): void {
    this.now += MINUTE;
    if (step.step === 'answer') this.#answer(step.who, step.answer);
    if (step.step === 'rotate') this.#rotate(step.who);
    if (step.step === 'remove') this.namespace.remove('pullSecrets', step.who);
    if (step.step === 'spec') this.#specify(step.verification);
  }

  #answer(who: Who, answer: RegistryAnswer): void {
    const accepted = answer.result === 'Pullable' || answer.result === 'Allowed';
    const kept = answer.result === 'Denied' ? undefined : this.known(who)?.acceptedAt;
    const known = {
      ...{ answer, askedAt: this.now, askAgainAt: this.now + 60 * MINUTE, version: '1.0' },
      acceptedAt: accepted ? this.now : kept,
    };
    this.#known.set(this.#shown(who), known);
    this.namespace.answer(this.#shown(who), known);
  }

  #rotate(who: (typeof SECRETS)[number]): void {
    this.#values.set(who, (this.#values.get(who) ?? 0) + 1);
    const key = who === 'first' ? 'reg.example/app' : 'reg.example';
    this.namespace.pullSecret(who, { [key]: { auth: btoa(this.#shown(who)) } });
  }

  #specify(verification: Verification): void {
    const imagePullSecrets = SECRETS.map((name) => ({ name }));
    this.namespace.binding('app', { spec: { imagePullSecrets, verification } });
  }

  #shown(who: Who): string {
    return who === 'nobody' ? '' : `${who}:${this.#values.get(who)}`;
  }
}

const histories = fc.tuple(
  fc.constantFrom<Verification>('Required', 'Preferred'),
  fc.array(steps, { minLength: 1, maxLength: 12 }),
);

describe('verification, whatever happens', () => {
  it('is told once, and a restart changes nothing', () => {
    fc.assert(
      fc.property(histories, ([verification, all]) => {
        const history = new History(verification);
        const { namespace } = history;
        for (const step of all) {
          history.take(step);
          namespace.settle('app', history.now);
        }
        namespace.settle('app', history.now);
        const nothing = () => {
          const { changed, events, status } = namespace.report('app', undefined, history.now);
          const before = namespace.stores.bindings.get('ns/app')?.status;
          assert.deepEqual(
            { changed, events },
            { changed: false, events: [] },
            JSON.stringify([before, status]),
          );
          const decision = namespace.decide('app', history.now);
          assert.equal(decision.secretWrite.write, 'None');
          assert.doesNotMatch(plans(decision)['scan'] ?? '', /Edit/);
        };
        nothing();
        namespace.restart('app', history.now);
        nothing();
      }),
    );
  });

  it('the credential in use goes for its own refusal, or for one that is accepted', () => {
    fc.assert(
      fc.property(histories, ([verification, all]) => {
        const history = new History(verification);
        for (const step of all) {
          const before = history.used;
          history.take(step);
          history.namespace.settle('app', history.now);
          if (before !== history.used && history.isStillThere(before)) assertGivesWay(history, before);
        }
      }),
    );
  });

  it('what is newly bound is not refused, and with Required was accepted', () => {
    fc.assert(
      fc.property(histories, ([verification, all]) => {
        const history = new History(verification);
        for (const step of all) {
          history.take(step);
          if (history.bindsAnew && history.verification !== 'Never') assertMayBeBound(history);
          history.namespace.settle('app', history.now);
        }
      }),
    );
  });
});

function assertGivesWay(history: History, before: Who | undefined): void {
  if (history.verification === 'Never' || before === undefined) return;
  const own = history.known(before);
  const other = history.known(history.used ?? 'nobody');
  const isUnproven = own?.answer.result === 'Inconclusive' && own.acceptedAt === undefined;
  const mayGo = history.used === 'first' || isUnproven;
  const isRefused = own?.answer.result === 'Denied';
  assert.ok(isRefused || (mayGo && other?.acceptedAt !== undefined), JSON.stringify([before, own, other]));
}

function assertMayBeBound(history: History): void {
  const { resolution } = history.namespace.decide('app', history.now);
  const candidate = chosenCandidate(resolution);
  if (candidate === undefined) return;
  // These are the names of all Secrets that there are.
  const known = history.known(candidate.secret as Who);
  assert.notEqual(known?.answer.result, 'Denied');
  // A value that followed one that was accepted counts as that one.
  const told = history.status?.conditions?.find(({ type }) => type === 'CredentialVerified');
  const isProven = known?.acceptedAt !== undefined || told?.status === 'True';
  assert.ok(isProven || history.verification === 'Preferred');
}

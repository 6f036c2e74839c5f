import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { KnownAnswer, RegistryAnswer } from '../../../../../src/answer/registry-answer.ts';
import type { ImageCredentialBindingStatus, Verification } from '../../../../../src/api/index.ts';
import { chosenCandidate } from '../../../../../src/policy/credential-choice.ts';
import { Namespace, NOW, plans } from '../namespace.ts';

const MINUTE = 60_000;
const SECRETS = ['first', 'second'] as const;
type User = (typeof SECRETS)[number] | 'anonymous';

/** An event in the life of a binding with two entries that fit, the first before the second. */
type Step =
  | { readonly step: 'answer'; readonly who: User; readonly answer: RegistryAnswer }
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
      who: fc.constantFrom<User>('first', 'second', 'anonymous'),
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

/** A binding and a registry that answers as the steps say. Each step takes one minute. */
class History {
  readonly namespace = new Namespace();
  now = NOW;
  readonly #values = new Map<User, number>();
  readonly #known = new Map<string, KnownAnswer>();

  constructor(verification: Verification) {
    for (const who of SECRETS) this.#rotate(who);
    this.#specify(verification);
    this.namespace.scan('scan');
  }

  /** The answer for the current password of a user. undefined: there is none yet. */
  known(who: User): KnownAnswer | undefined {
    return this.#known.get(this.#login(who));
  }

  get status(): ImageCredentialBindingStatus | undefined {
    return this.namespace.stores.bindings.get('ns/app')?.status;
  }

  get verification(): Verification | undefined {
    const binding = this.namespace.stores.bindings.get('ns/app');
    return binding?.validity === 'Valid' ? binding.verification : undefined;
  }

  /** The user whose credential the scans use. undefined: they use none. */
  get used(): User | undefined {
    // The namespace has only these two pull secrets.
    return this.status?.credential?.secret.name as User | undefined;
  }

  get bindsNewScan(): boolean {
    const { scans } = this.namespace.decide('app', this.now);
    return scans.some((plan) => plan.plan === 'Edit' && plan.scan.bound === undefined);
  }

  exists(who: User | undefined): boolean {
    return this.namespace.stores.pullSecrets.get(`ns/${who}`) !== undefined;
  }

  take(step: Step): void {
    this.now += MINUTE;
    if (step.step === 'answer') this.#answer(step.who, step.answer);
    if (step.step === 'rotate') this.#rotate(step.who);
    if (step.step === 'remove') this.namespace.remove('pullSecrets', step.who);
    if (step.step === 'spec') this.#specify(step.verification);
  }

  #answer(who: User, answer: RegistryAnswer): void {
    const accepted = answer.result === 'Pullable' || answer.result === 'Allowed';
    const kept = answer.result === 'Denied' ? undefined : this.known(who)?.acceptedAt;
    const known = {
      ...{ answer, requestedAt: this.now, freshUntil: this.now + 60 * MINUTE, version: '1.0' },
      acceptedAt: accepted ? this.now : kept,
    };
    this.#known.set(this.#login(who), known);
    this.namespace.answer(this.#login(who), known);
  }

  #rotate(who: (typeof SECRETS)[number]): void {
    this.#values.set(who, (this.#values.get(who) ?? 0) + 1);
    const key = who === 'first' ? 'reg.example/app' : 'reg.example';
    this.namespace.pullSecret(who, { [key]: { auth: btoa(this.#login(who)) } });
  }

  #specify(verification: Verification): void {
    const imagePullSecrets = SECRETS.map((name) => ({ name }));
    this.namespace.binding('app', { spec: { imagePullSecrets, verification } });
  }

  #login(who: User): string {
    return who === 'anonymous' ? '' : `${who}:${this.#values.get(who)}`;
  }
}

const histories = fc.tuple(
  fc.constantFrom<Verification>('Required', 'Preferred'),
  fc.array(steps, { minLength: 1, maxLength: 12 }),
);

describe('verification in any sequence of changes', () => {
  it('is reported once, and stays unchanged after a restart', () => {
    fc.assert(
      fc.property(histories, ([verification, all]) => {
        const history = new History(verification);
        const { namespace } = history;
        for (const step of all) {
          history.take(step);
          namespace.settle('app', history.now);
        }
        namespace.settle('app', history.now);
        const assertUnchanged = () => {
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
        assertUnchanged();
        namespace.restart('app', history.now);
        assertUnchanged();
      }),
    );
  });

  it('replaces the credential in use only if it is refused or another one is accepted', () => {
    fc.assert(
      fc.property(histories, ([verification, all]) => {
        const history = new History(verification);
        for (const step of all) {
          const before = history.used;
          history.take(step);
          history.namespace.settle('app', history.now);
          if (before !== history.used && history.exists(before)) assertMayBeReplaced(history, before);
        }
      }),
    );
  });

  it('binds a scan only with a credential that is not refused, and with Required only if it was accepted', () => {
    fc.assert(
      fc.property(histories, ([verification, all]) => {
        const history = new History(verification);
        for (const step of all) {
          history.take(step);
          if (history.bindsNewScan && history.verification !== 'Never') assertMayBeBound(history);
          history.namespace.settle('app', history.now);
        }
      }),
    );
  });
});

function assertMayBeReplaced(history: History, before: User | undefined): void {
  if (history.verification === 'Never' || before === undefined) return;
  const own = history.known(before);
  const other = history.known(history.used ?? 'anonymous');
  const isUnproven = own?.answer.result === 'Inconclusive' && own.acceptedAt === undefined;
  const mayBeReplaced = history.used === 'first' || isUnproven;
  const isRefused = own?.answer.result === 'Denied';
  assert.ok(
    isRefused || (mayBeReplaced && other?.acceptedAt !== undefined),
    JSON.stringify([before, own, other]),
  );
}

function assertMayBeBound(history: History): void {
  const { resolution } = history.namespace.decide('app', history.now);
  const candidate = chosenCandidate(resolution);
  if (candidate === undefined) return;
  // The namespace has only Secrets with these names.
  const known = history.known(candidate.secret as User);
  assert.notEqual(known?.answer.result, 'Denied');
  // A new value of an accepted credential counts as accepted.
  const verified = history.status?.conditions?.find(({ type }) => type === 'CredentialVerified');
  const isProven = known?.acceptedAt !== undefined || verified?.status === 'True';
  assert.ok(isProven || history.verification === 'Preferred');
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RegistryAnswer } from '../../../../../src/answer/registry-answer.ts';
import type { ImageCredentialBindingSpec, Verification } from '../../../../../src/api/index.ts';
import { readBinding } from '../../../../../src/binding/binding.ts';
import { condition, Namespace, NOW, plans } from '../namespace.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ANSWERS = {
  accepted: { result: 'Pullable' },
  unknownVersion: { result: 'Allowed' },
  denied: { result: 'Denied', httpCode: 403, at: 'manifest' },
  inconclusive: { result: 'Inconclusive', why: 'RepositoryUnknown' },
  unreachable: { result: 'Unreachable', why: 'Timeout', at: 'ping' },
  limited: { result: 'RateLimited', until: NOW + HOUR },
  notAllowed: { result: 'NotAllowed', by: 'DenyList' },
} as const satisfies Readonly<Record<string, RegistryAnswer>>;
type Answer = keyof typeof ANSWERS;
type Answers = Partial<Record<string, Answer>>;

const FIRST = 'first:p';
const SECOND = 'second:p';
const ANONYMOUS = '';

/** A scan and a binding `app` with two entries that fit. The entry of Secret first is preferred to that of Secret second. */
function withTwoEntries(
  verification: Verification,
  spec: Partial<ImageCredentialBindingSpec> = {},
): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('first', { 'reg.example/app': { auth: btoa(FIRST) } });
  namespace.pullSecret('second', { 'reg.example': { auth: btoa(SECOND) } });
  namespace.binding('app', {
    spec: { imagePullSecrets: [{ name: 'second' }, { name: 'first' }], verification, ...spec },
  });
  namespace.scan('scan');
  return namespace;
}

/** @param acceptedBefore - the credential that the registry had accepted before, as `user:password` */
function setAnswers(namespace: Namespace, answers: Answers, at = NOW, acceptedBefore?: string): void {
  for (const [auth, name] of Object.entries(answers)) {
    const before = auth === acceptedBefore ? at : undefined;
    if (name !== undefined) setAnswer(namespace, auth, name, { at, acceptedAt: before });
  }
}

/** Sets an answer as the registry checker remembers it: only a refusal resets an earlier acceptance. */
function setAnswer(
  namespace: Namespace,
  auth: string,
  name: Answer,
  { at, acceptedAt }: { readonly at: number; readonly acceptedAt?: number | undefined },
): void {
  const isAccepted = name === 'accepted' || name === 'unknownVersion';
  const kept = name === 'denied' ? undefined : acceptedAt;
  const times = { requestedAt: at, freshUntil: at + HOUR, acceptedAt: isAccepted ? at : kept };
  namespace.answer(auth, { answer: ANSWERS[name], ...times });
}

/** The outcome for a binding: its conditions, the Secret in use, the open checks, and the plan for the scan. */
function outcome(namespace: Namespace, now = NOW) {
  const { status } = namespace.report('app', undefined, now);
  return {
    ready: condition(status, 'Ready'),
    resolved: condition(status, 'CredentialResolved'),
    verified: condition(status, 'CredentialVerified'),
    uses: status.credential?.secret.name,
    checks: namespace.openChecks('app', now),
    scan: plans(namespace.decide('app', now))['scan'],
  };
}

type Outcome = ReturnType<typeof outcome>;

describe('the walk over the candidates, with no credential in use yet', () => {
  const ready = { ready: 'True Ready', resolved: 'True Selected', scan: 'Edit Bind' };
  const anonymous = { ...ready, resolved: 'True Anonymous', uses: undefined };
  const verifying = {
    ...{ ready: 'Unknown', resolved: 'True Found', verified: 'Unknown Verifying', uses: undefined },
    scan: 'Unbound',
  };
  const waiting = { ...verifying, ready: 'False Verifying' };
  const withheld = (reason: string) => ({
    ...{ ready: `False ${reason}`, resolved: 'True Found', verified: `Unknown ${reason}`, uses: undefined },
    scan: 'Unbound',
  });
  const denied = { ...withheld('Denied'), verified: 'False Denied' };
  const cases: readonly {
    name: string;
    answers: Answers;
    preferred: Partial<Outcome>;
    required?: Partial<Outcome>;
  }[] = [
    {
      name: 'checks the first candidate if there is no answer',
      answers: {},
      preferred: { ...waiting, checks: [FIRST] },
    },
    {
      name: 'selects the first candidate if it is accepted',
      answers: { [FIRST]: 'accepted' },
      preferred: { ...ready, verified: 'True Accepted', uses: 'first', checks: [] },
    },
    {
      name: 'selects the first candidate if it is accepted, although the version is unknown',
      answers: { [FIRST]: 'unknownVersion' },
      preferred: { ...ready, verified: 'True ManifestUnknown', uses: 'first', checks: [] },
    },
    {
      name: 'checks the second candidate if the first is refused',
      answers: { [FIRST]: 'denied' },
      preferred: { ...waiting, checks: [SECOND] },
    },
    {
      name: 'selects the second candidate if the first is refused and the second accepted',
      answers: { [FIRST]: 'denied', [SECOND]: 'accepted' },
      preferred: { ...ready, verified: 'True Accepted', uses: 'second', checks: [] },
    },
    {
      name: 'checks the second candidate if the answer for the first is inconclusive',
      answers: { [FIRST]: 'inconclusive' },
      preferred: { ...waiting, checks: [SECOND] },
    },
    {
      name: 'selects an accepted candidate after an inconclusive one',
      answers: { [FIRST]: 'inconclusive', [SECOND]: 'accepted' },
      preferred: { ...ready, verified: 'True Accepted', uses: 'second' },
    },
    {
      name: 'selects an inconclusive candidate if the others are refused, but not with Required',
      answers: { [FIRST]: 'inconclusive', [SECOND]: 'denied', [ANONYMOUS]: 'denied' },
      preferred: { ...ready, verified: 'Unknown Inconclusive', uses: 'first' },
      required: withheld('Inconclusive'),
    },
    {
      name: 'selects the first candidate if the registry is unreachable, but not with Required, and never tries the second',
      answers: { [FIRST]: 'unreachable' },
      preferred: { ...ready, verified: 'Unknown Unreachable', uses: 'first', checks: [] },
      required: { ...withheld('Unreachable'), checks: [] },
    },
    {
      name: 'selects a rate-limited candidate after a refused one, but not with Required',
      answers: { [FIRST]: 'denied', [SECOND]: 'limited' },
      preferred: { ...ready, verified: 'Unknown RateLimited', uses: 'second', checks: [] },
      required: withheld('RateLimited'),
    },
    {
      name: 'selects the first candidate if checks of the registry are not allowed, but not with Required',
      answers: { [FIRST]: 'notAllowed' },
      preferred: { ...ready, verified: 'Unknown NotAllowed', uses: 'first' },
      required: withheld('NotAllowed'),
    },
    {
      name: 'checks anonymous access if all candidates are refused',
      answers: { [FIRST]: 'denied', [SECOND]: 'denied' },
      preferred: { ...waiting, checks: [ANONYMOUS] },
    },
    {
      name: 'selects no credential if all candidates are refused and the image is public',
      answers: { [FIRST]: 'denied', [SECOND]: 'denied', [ANONYMOUS]: 'accepted' },
      preferred: { ...anonymous, verified: 'True Accepted' },
    },
    {
      name: 'reports Denied if all candidates and anonymous access are refused',
      answers: { [FIRST]: 'denied', [SECOND]: 'denied', [ANONYMOUS]: 'denied' },
      preferred: denied,
    },
    {
      name: 'reports Denied if all candidates are refused and anonymous access cannot be checked',
      answers: { [FIRST]: 'denied', [SECOND]: 'denied', [ANONYMOUS]: 'unreachable' },
      preferred: denied,
    },
  ];
  for (const { name, answers, preferred, required = preferred } of cases) {
    for (const [verification, expected] of [
      ['Preferred', preferred],
      ['Required', required],
    ] as const) {
      it(`${name} (${verification})`, () => {
        const namespace = withTwoEntries(verification);
        setAnswers(namespace, answers);
        const found = outcome(namespace);
        assert.deepEqual({ ...found, ...expected }, found);
        const { status } = namespace.report('app');
        const reconciling = condition(status, 'Reconciling');
        const isVerifying = found.ready?.startsWith('False') && found.verified?.startsWith('Unknown');
        assert.equal(reconciling, isVerifying ? found.ready?.replace('False', 'True') : undefined);
      });
    }
  }

  it('selects the first candidate without any check (Never)', () => {
    const namespace = withTwoEntries('Never');
    setAnswers(namespace, { [FIRST]: 'denied' });
    const found = outcome(namespace);
    const expected = { ...ready, verified: 'Unknown Disabled', uses: 'first', checks: [] };
    assert.deepEqual(found, expected);
  });

  it('uses Preferred if spec.verification is not set', () => {
    const spec = { image: 'reg.example/app', imagePullSecrets: [] };
    const binding = readBinding({ metadata: { namespace: 'ns', name: 'app' }, spec });
    assert.equal(binding.validity === 'Valid' && binding.verification, 'Preferred');
  });
});

describe('a binding without an entry that fits', () => {
  const unfit = (spec: Partial<ImageCredentialBindingSpec> = {}) => {
    const namespace = new Namespace();
    namespace.pullSecret('pull', { 'other.example': { auth: btoa('u:p') } });
    namespace.binding('app', { spec: { verification: 'Preferred', ...spec } });
    namespace.scan('scan');
    return namespace;
  };
  const noMatch = { ready: 'False NoMatch', resolved: 'False NoMatch', verified: undefined, scan: 'Unbound' };
  const noneNeeded = { ready: 'True Ready', resolved: 'True NoneNeeded', scan: 'Edit Bind' };
  const cases: readonly {
    name: string;
    empty?: boolean;
    answer: Answer | undefined;
    expected: Partial<Outcome>;
  }[] = [
    {
      name: 'checks anonymous access first',
      answer: undefined,
      expected: {
        ready: 'False Verifying',
        resolved: 'Unknown Verifying',
        checks: [ANONYMOUS],
        scan: 'Unbound',
      },
    },
    {
      name: 'needs no credential if the image is public',
      answer: 'accepted',
      expected: { ready: 'True Ready', resolved: 'True Anonymous', verified: 'True Accepted', checks: [] },
    },
    { name: 'has no match if anonymous access is refused', answer: 'denied', expected: noMatch },
    { name: 'has no match if the registry is unreachable', answer: 'unreachable', expected: noMatch },
    { name: 'has no match if the repository is unknown', answer: 'inconclusive', expected: noMatch },
    {
      name: 'binds before the anonymous check if it lists no pull secrets',
      empty: true,
      answer: undefined,
      expected: { ...noneNeeded, verified: 'Unknown Verifying', checks: [ANONYMOUS] },
    },
    {
      name: 'is verified if it lists no pull secrets and the image is public',
      empty: true,
      answer: 'accepted',
      expected: { ...noneNeeded, verified: 'True Accepted' },
    },
    {
      name: 'is not verified if it lists no pull secrets and anonymous access is refused',
      empty: true,
      answer: 'denied',
      expected: { ...noneNeeded, verified: 'Unknown NotCheckable' },
    },
    {
      name: 'is not verified if it lists no pull secrets and the registry is unreachable',
      empty: true,
      answer: 'unreachable',
      expected: { ...noneNeeded, verified: 'Unknown Unreachable' },
    },
  ];
  for (const { name, empty = false, answer, expected } of cases) {
    it(name, () => {
      const namespace = unfit(empty ? { imagePullSecrets: [] } : {});
      setAnswers(namespace, { [ANONYMOUS]: answer });
      const found = outcome(namespace);
      assert.deepEqual({ ...found, ...expected }, found);
      namespace.settle('app');
      namespace.restart('app');
      assert.equal(namespace.report('app').changed, false, 'a restart changes the status');
    });
  }
});

describe('the credential in use', () => {
  /** A namespace whose scan is bound to the second entry, because the first is refused. */
  const second = (verification: Verification = 'Preferred') => {
    const namespace = withTwoEntries(verification);
    setAnswers(namespace, { [FIRST]: 'denied', [SECOND]: 'accepted' });
    namespace.settle('app');
    return namespace;
  };
  const cases: readonly {
    name: string;
    answers: Answers;
    expected: Partial<Outcome>;
  }[] = [
    {
      name: 'stays while the registry is unreachable',
      answers: { [FIRST]: 'unreachable', [SECOND]: 'unreachable' },
      expected: { uses: 'second', verified: 'True AcceptedBefore', ready: 'True Ready', scan: 'Keep' },
    },
    {
      name: 'stays after an inconclusive answer, even if the image is public',
      answers: { [SECOND]: 'inconclusive', [ANONYMOUS]: 'accepted' },
      expected: { uses: 'second', verified: 'True AcceptedBefore', scan: 'Keep', checks: [] },
    },
    {
      name: 'is replaced by a preferred one that is accepted',
      answers: { [FIRST]: 'accepted' },
      expected: { uses: 'first', verified: 'True Accepted', scan: 'Edit Bind' },
    },
    {
      name: 'stays while the answer for a preferred one is inconclusive',
      answers: { [FIRST]: 'inconclusive' },
      expected: { uses: 'second', verified: 'True Accepted', scan: 'Keep' },
    },
    {
      name: 'is dropped if it is refused and the image is public',
      answers: { [SECOND]: 'denied', [ANONYMOUS]: 'accepted' },
      expected: { uses: undefined, resolved: 'True Anonymous', verified: 'True Accepted', scan: 'Edit Bind' },
    },
    {
      name: 'stays in bound scans if all are refused',
      answers: { [SECOND]: 'denied', [ANONYMOUS]: 'denied' },
      expected: { uses: 'second', verified: 'False Denied', ready: 'False Denied', scan: 'Keep' },
    },
    {
      name: 'stays during the check of anonymous access',
      answers: { [SECOND]: 'denied' },
      expected: { uses: 'second', verified: 'Unknown Verifying', checks: [ANONYMOUS], scan: 'Keep' },
    },
  ];
  for (const verification of ['Preferred', 'Required'] as const) {
    for (const { name, answers, expected } of cases) {
      it(`${name} (${verification})`, () => {
        const namespace = second(verification);
        setAnswers(namespace, answers, NOW, SECOND);
        const found = outcome(namespace);
        assert.deepEqual({ ...found, ...expected }, found);
      });
    }

    it(`is delivered with a new value at once, and verified with jitter (${verification})`, () => {
      const namespace = second(verification);
      namespace.pullSecret('second', { 'reg.example': { auth: btoa('second:new') } });
      const decision = namespace.decide('app');
      assert.equal(decision.secretWrite.write, 'Replace');
      assert.deepEqual(
        decision.requests.checks.map(({ isDeferrable }) => isDeferrable),
        [true],
      );
      const { uses, checks, verified, scan } = outcome(namespace);
      assert.deepEqual(
        { uses, checks, verified, scan },
        { uses: 'second', checks: ['second:new'], verified: 'True Accepted', scan: 'Keep' },
      );
      assert.equal(namespace.report('app').changed, false);
    });

    it(`is delivered with a new value after a refusal, but bound to no further scan before it is accepted (${verification})`, () => {
      const namespace = second(verification);
      setAnswers(namespace, { [SECOND]: 'denied', [ANONYMOUS]: 'denied' });
      namespace.settle('app');
      namespace.pullSecret('second', { 'reg.example': { auth: btoa('second:new') } });
      namespace.scan('later');
      const decision = namespace.decide('app');
      assert.equal(decision.secretWrite.write, 'Replace');
      assert.deepEqual(plans(decision), { scan: 'Keep', later: 'Unbound' });
      assert.deepEqual(
        decision.requests.checks.map(({ isDeferrable }) => isDeferrable),
        [false],
      );
      setAnswers(namespace, { 'second:new': 'accepted' });
      assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep', later: 'Edit Bind' });
      assert.equal(outcome(namespace).ready, 'True Ready');
    });
  }

  it('is another credential if its Secret was recreated, so that bound scans wait for its verification', () => {
    const namespace = second();
    namespace.pullSecret('second', { 'reg.example': { auth: btoa('second:new') } });
    const created = namespace.stores.pullSecrets.get('ns/second');
    assert.ok(created !== undefined);
    namespace.remove('pullSecrets', 'second');
    namespace.stores.pullSecrets.set({ ...created, uid: 'another', resourceVersion: '9999' });
    assert.equal(namespace.decide('app').secretWrite.write, 'None');
    const { scan, verified } = outcome(namespace);
    assert.deepEqual({ scan, verified }, { scan: 'Keep', verified: 'Unknown Verifying' });
  });

  it('counts as not verified for another repository', () => {
    const namespace = second();
    const imagePullSecrets = [{ name: 'second' }, { name: 'first' }];
    namespace.binding('app', {
      spec: { image: 'reg.example/other', imagePullSecrets, verification: 'Preferred' },
    });
    assert.equal(outcome(namespace).verified, 'Unknown Verifying');
  });

  it('stays during its first check if it was selected without one', () => {
    const namespace = withTwoEntries('Never');
    namespace.settle('app');
    namespace.binding('app', {
      spec: { imagePullSecrets: [{ name: 'second' }, { name: 'first' }], verification: 'Preferred' },
    });
    const { uses, ready, checks, scan } = outcome(namespace);
    assert.deepEqual(
      { uses, ready, checks, scan },
      { uses: 'first', ready: 'True Ready', checks: [FIRST], scan: 'Keep' },
    );
  });

  it('is replaced by an accepted one if it is inconclusive and was never accepted', () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'unreachable' });
    namespace.settle('app');
    setAnswers(namespace, { [FIRST]: 'inconclusive', [SECOND]: 'accepted' });
    assert.equal(outcome(namespace).uses, 'second');
  });
});

describe('anonymous access', () => {
  const anonymous = () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'denied', [SECOND]: 'denied', [ANONYMOUS]: 'accepted' });
    namespace.settle('app');
    return namespace;
  };

  it('stays in use while the registry is unreachable', () => {
    const namespace = anonymous();
    setAnswer(namespace, ANONYMOUS, 'unreachable', { at: NOW, acceptedAt: NOW });
    const { resolved, verified, scan } = outcome(namespace);
    assert.deepEqual(
      { resolved, verified, scan },
      { resolved: 'True Anonymous', verified: 'True AcceptedBefore', scan: 'Keep' },
    );
  });

  it('is replaced by a credential only once that is accepted', () => {
    const namespace = anonymous();
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    const { resolved, checks } = outcome(namespace);
    assert.deepEqual(
      { resolved, checks },
      { resolved: 'True Anonymous', checks: ['first:new', ANONYMOUS].slice(0, 1) },
    );
    setAnswers(namespace, { 'first:new': 'accepted' });
    assert.equal(outcome(namespace).uses, 'first');
  });
});

describe('the wait for the first answer', () => {
  it('ends after the time-out of a check with Preferred, but not with Required', () => {
    for (const [verification, resolved] of [
      ['Preferred', 'True Selected'],
      ['Required', 'True Found'],
    ] as const) {
      const namespace = withTwoEntries(verification);
      namespace.settle('app');
      assert.equal(namespace.decide('app', NOW + 29_000).requests.nextAt, NOW + 30_000);
      assert.equal(outcome(namespace, NOW + 29_000).resolved, 'True Found');
      assert.equal(outcome(namespace, NOW + 30_000).resolved, resolved);
      namespace.settle('app', NOW + 30_000);
      assert.equal(outcome(namespace, NOW + 31_000).resolved, resolved, 'after a status write');
      assert.equal(namespace.report('app', undefined, NOW + 31_000).changed, false);
    }
  });

  it('continues if there is no candidate to select', () => {
    const namespace = new Namespace();
    namespace.binding('app', { spec: { verification: 'Preferred' } });
    namespace.settle('app');
    assert.equal(outcome(namespace, NOW + HOUR).resolved, 'Unknown Verifying');
  });
});

describe('a check', () => {
  it('uses the version of the first scan by name that has one', () => {
    const namespace = withTwoEntries('Preferred');
    const image = () => namespace.decide('app').requests.checks[0]?.check.image;
    assert.equal(image()?.tag, '1.0');
    namespace.scan('a-scan', { image: 'reg.example/app:2.0' });
    namespace.scan('b-scan', { image: 'reg.example/app:3.0' });
    assert.equal(image()?.tag, '2.0');
    namespace.scan('a-scan', { image: 'reg.example/app' });
    assert.equal(image()?.tag, '3.0');
    for (const name of ['scan', 'a-scan', 'b-scan']) namespace.remove('scheduledScans', name);
    assert.equal(image()?.tag, undefined);
  });

  it('reports a version as unknown only while a scan names that version', () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'unknownVersion' });
    assert.equal(outcome(namespace).verified, 'True ManifestUnknown');
    namespace.scan('a-scan', { image: 'reg.example/app:2.0' });
    assert.equal(outcome(namespace).verified, 'True Accepted');
    for (const name of ['scan', 'a-scan']) namespace.remove('scheduledScans', name);
    namespace.answer(FIRST, { answer: ANSWERS.unknownVersion, version: undefined });
    assert.equal(outcome(namespace).verified, 'True Accepted', 'no scan names latest');
  });

  it('is repeated when it is due, and not before', () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'denied', [SECOND]: 'accepted' });
    assert.deepEqual(namespace.decide('app').requests, {
      checks: [],
      login: undefined,
      nextAt: NOW + HOUR,
    });
    assert.deepEqual(namespace.openChecks('app', NOW + HOUR), [FIRST, SECOND]);
  });

  it('is not made for candidates after an accepted one', () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'accepted', [SECOND]: 'denied' });
    assert.deepEqual(namespace.openChecks('app', NOW + HOUR), [FIRST]);
  });
});

describe('verifiedTime', () => {
  const accepted = () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    return namespace;
  };
  const time = (namespace: Namespace, now = NOW) =>
    namespace.report('app', undefined, now).status.credential?.verifiedTime;

  it('is the time of the acceptance, and does not change with checks within the interval', () => {
    const namespace = accepted();
    assert.equal(time(namespace), '2026-06-01T12:00:00Z');
    setAnswer(namespace, FIRST, 'accepted', { at: NOW + HOUR });
    assert.equal(namespace.report('app', undefined, NOW + HOUR).changed, false);
  });

  it('is updated by a check after at least nine tenths of the interval', () => {
    const namespace = accepted();
    setAnswer(namespace, FIRST, 'accepted', { at: NOW + 10.9 * HOUR });
    assert.equal(time(namespace), '2026-06-01T22:54:00Z');
  });

  it('is updated when a new value is accepted', () => {
    const namespace = accepted();
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    namespace.settle('app', NOW + MINUTE);
    assert.equal(time(namespace), '2026-06-01T12:00:00Z');
    setAnswer(namespace, 'first:new', 'accepted', { at: NOW + 2 * MINUTE });
    assert.equal(time(namespace, NOW + 2 * MINUTE), '2026-06-01T12:02:00Z');
  });

  it('stays while the registry is unreachable, and does not apply to another credential', () => {
    const namespace = accepted();
    setAnswer(namespace, FIRST, 'unreachable', { at: NOW + HOUR, acceptedAt: NOW });
    assert.equal(time(namespace), '2026-06-01T12:00:00Z');
    assert.match(
      namespace.report('app').status.conditions?.find(({ type }) => type === 'CredentialVerified')?.message ??
        '',
      /accepted earlier, but cannot be checked now: the registry did not answer in time/,
    );
    setAnswers(namespace, { [FIRST]: 'denied', [SECOND]: 'unreachable' });
    assert.equal(time(namespace), undefined);
  });
});

describe('after a restart', () => {
  const states: readonly { name: string; answers: Answers }[] = [
    { name: 'the first is accepted', answers: { [FIRST]: 'accepted' } },
    { name: 'the first is accepted, and the version is unknown', answers: { [FIRST]: 'unknownVersion' } },
    { name: 'the second is accepted', answers: { [FIRST]: 'denied', [SECOND]: 'accepted' } },
    { name: 'the first is inconclusive', answers: { [FIRST]: 'inconclusive', [SECOND]: 'accepted' } },
    {
      name: 'the image is public',
      answers: { [FIRST]: 'inconclusive', [SECOND]: 'denied', [ANONYMOUS]: 'accepted' },
    },
    { name: 'all are refused', answers: { [FIRST]: 'denied', [SECOND]: 'denied', [ANONYMOUS]: 'denied' } },
  ];
  for (const { name, answers } of states) {
    it(`the controller repeats no check and writes nothing if ${name}`, () => {
      for (const verification of ['Preferred', 'Required'] as const) {
        const namespace = withTwoEntries(verification);
        setAnswers(namespace, answers);
        namespace.settle('app');
        namespace.settle('app');
        const before = namespace.stores.bindings.get('ns/app')?.status;
        namespace.restart('app', NOW + 5 * MINUTE);
        assert.deepEqual(namespace.openChecks('app', NOW + 5 * MINUTE), []);
        const { status, changed, events } = namespace.report('app', undefined, NOW + 5 * MINUTE);
        assert.deepEqual(status, before);
        assert.deepEqual({ changed, events }, { changed: false, events: [] });
      }
    });
  }

  for (const answer of ['unreachable', 'limited', 'notAllowed', 'inconclusive'] as const) {
    it(`the controller writes nothing before it has repeated a check whose answer was ${answer}`, () => {
      for (const verification of ['Preferred', 'Required'] as const) {
        const namespace = withTwoEntries(verification);
        setAnswers(namespace, { [FIRST]: 'denied', [SECOND]: answer, [ANONYMOUS]: 'denied' });
        namespace.settle('app');
        namespace.settle('app');
        namespace.restart('app');
        assert.equal(namespace.report('app').changed, false, verification);
      }
    });
  }

  it('the controller checks an accepted credential again if its last check failed', () => {
    const namespace = withTwoEntries('Required');
    setAnswers(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    setAnswer(namespace, FIRST, 'unreachable', { at: NOW, acceptedAt: NOW });
    namespace.settle('app');
    namespace.restart('app');
    assert.deepEqual(namespace.openChecks('app'), [FIRST]);
    assert.equal(namespace.report('app').changed, false);
  });

  it('the controller delivers and checks a value that changed in the meantime', () => {
    const namespace = withTwoEntries('Required');
    setAnswers(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    namespace.restart('app');
    assert.equal(namespace.decide('app').secretWrite.write, 'Replace');
    assert.deepEqual(namespace.openChecks('app'), ['first:new']);
  });

  it('the controller checks a value that was delivered before its check was answered', () => {
    const namespace = withTwoEntries('Required');
    setAnswers(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    namespace.settle('app', NOW + MINUTE);
    namespace.restart('app', NOW + 2 * MINUTE);
    assert.deepEqual(namespace.openChecks('app', NOW + 2 * MINUTE), ['first:new']);
  });

  it('the controller checks a refused value that changed in the meantime', () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'denied', [SECOND]: 'accepted' });
    namespace.settle('app');
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    namespace.restart('app');
    assert.deepEqual(namespace.openChecks('app'), ['first:new']);
  });

  it('the controller repeats the check of a binding that only observes, because no Trivy Secret has the value', () => {
    const namespace = withTwoEntries('Preferred', { mode: 'Observe' });
    setAnswers(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    namespace.restart('app');
    assert.deepEqual(namespace.openChecks('app'), [FIRST]);
    assert.equal(namespace.report('app').changed, false);
  });

  it('the controller restores no answer from a reason that it does not know', () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    const { bindings } = namespace.stores;
    const binding = bindings.get('ns/app');
    assert.ok(binding !== undefined);
    const conditions = binding.status?.conditions?.map((condition) =>
      condition.type === 'CredentialVerified' ? { ...condition, reason: 'constructor' } : condition,
    );
    const resourceVersion = `${Number(binding.resourceVersion) + 1_000}`;
    bindings.set({
      ...binding,
      resourceVersion,
      status: { ...binding.status, conditions: conditions ?? [] },
    });
    namespace.restart('app');
    assert.deepEqual(namespace.openChecks('app'), [FIRST]);
  });

  it('the controller restores no answers with Never', () => {
    const namespace = withTwoEntries('Never');
    namespace.settle('app');
    namespace.restart('app');
    assert.deepEqual(namespace.openChecks('app'), []);
  });
});

describe('a change of the credential', () => {
  const replaced = () => {
    const namespace = withTwoEntries('Preferred');
    setAnswers(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    setAnswers(namespace, { [FIRST]: 'denied', [SECOND]: 'accepted' });
    return namespace;
  };

  it('after a refusal is reported once, in the history and in a Warning', () => {
    const namespace = replaced();
    const { status, events } = namespace.report('app', undefined, NOW + MINUTE);
    assert.deepEqual(status.history, [
      {
        time: '2026-06-01T12:01:00Z',
        reason: 'CredentialChanged',
        from: { platform: 'Generic', image: 'reg.example/app', secret: 'first' },
        to: { platform: 'Generic', image: 'reg.example/app', secret: 'second' },
        scans: 1,
      },
    ]);
    assert.deepEqual(
      events.map(({ type, reason, note }) => ({ type, reason, note })),
      [
        {
          type: 'Warning',
          reason: 'CredentialChanged',
          note:
            'scans now use entry "reg.example" of Secret second instead of entry "reg.example/app" of Secret first, ' +
            'which the registry refuses (HTTP 403)',
        },
      ],
    );
    namespace.settle('app');
    assert.deepEqual(namespace.report('app').events, []);
    assert.equal(namespace.report('app').status.history?.length, 1);
  });

  it('to none, because the image is public, is reported, too', () => {
    const namespace = replaced();
    setAnswers(namespace, { [SECOND]: 'denied', [ANONYMOUS]: 'accepted' });
    const { status, events } = namespace.report('app');
    assert.deepEqual(status.history?.[0]?.to, { platform: 'Generic', image: 'reg.example/app' });
    assert.match(events[0]?.note ?? '', /^scans now use no credential instead of entry .* refuses/);
    namespace.settle('app');
    setAnswers(namespace, { [FIRST]: 'accepted' });
    assert.match(namespace.report('app').events[0]?.note ?? '', /Secret first instead of no credential$/);
  });

  it('for another image is reported with the previous repository', () => {
    const namespace = replaced();
    const imagePullSecrets = [{ name: 'second' }];
    namespace.binding('app', {
      spec: { image: 'reg.example/other', imagePullSecrets, verification: 'Never' },
    });
    assert.equal(namespace.report('app').status.history?.[0]?.from.image, 'reg.example/app');
  });

  it('stays in the history while the spec is invalid', () => {
    const namespace = replaced();
    namespace.settle('app');
    namespace.binding('app', { spec: { image: 'Not An Image' } });
    assert.equal(namespace.report('app').status.history?.length, 1);
  });

  it('is kept in the history until ten later ones have followed, newest first', () => {
    const namespace = replaced();
    for (let change = 1; change <= 12; change += 1) {
      setAnswers(namespace, {
        [FIRST]: change % 2 === 0 ? 'accepted' : 'denied',
        [SECOND]: change % 2 === 0 ? 'denied' : 'accepted',
      });
      namespace.settle('app', NOW + change * MINUTE);
    }
    const times = namespace.stores.bindings.get('ns/app')?.status?.history?.map(({ time }) => time) ?? [];
    assert.equal(times.length, 10);
    assert.equal(times[0], '2026-06-01T12:12:00Z');
    assert.deepEqual(times, times.toSorted().reverse());
  });
});

describe('the results of the candidates in status', () => {
  const results = (namespace: Namespace) =>
    namespace
      .report('app')
      .status.candidates?.map(({ secret, result, reason, httpCode }) =>
        [secret, result, reason, httpCode].filter((part) => part !== undefined).join(' '),
      );
  const cases: readonly { answers: Answers; expected: readonly string[] }[] = [
    { answers: {}, expected: ['first Available Verifying', 'second Available NotNeeded'] },
    {
      answers: { [FIRST]: 'accepted', [SECOND]: 'denied' },
      expected: ['first Selected Accepted', 'second Available NotNeeded'],
    },
    {
      answers: { [FIRST]: 'denied', [SECOND]: 'accepted' },
      expected: ['first Refused Denied 403', 'second Selected Accepted'],
    },
    {
      answers: { [FIRST]: 'inconclusive', [SECOND]: 'accepted' },
      expected: ['first Available Inconclusive', 'second Selected Accepted'],
    },
    {
      answers: { [FIRST]: 'denied', [SECOND]: 'unreachable' },
      expected: ['first Refused Denied 403', 'second Selected Unreachable'],
    },
  ];
  for (const { answers, expected } of cases) {
    it(`are ${expected.join(', ')} after ${JSON.stringify(answers)}`, () => {
      const namespace = withTwoEntries('Preferred');
      setAnswers(namespace, answers);
      assert.deepEqual(results(namespace), expected);
    });
  }
});

describe('an effective binding without a credential', () => {
  it('leaves the scan to the binding that has bound it', () => {
    for (const answers of [{}, { [FIRST]: 'denied', [SECOND]: 'denied', [ANONYMOUS]: 'denied' }] as const) {
      const namespace = new Namespace();
      namespace.pullSecret('pull');
      namespace.binding('previous');
      namespace.scan('scan');
      namespace.settle('previous');
      namespace.pullSecret('first', { 'reg.example/app': { auth: btoa(FIRST) } });
      namespace.pullSecret('second', { 'reg.example': { auth: btoa(SECOND) } });
      namespace.binding('app', {
        spec: {
          image: 'reg.example/app:1.0',
          imagePullSecrets: [{ name: 'first' }, { name: 'second' }],
          verification: 'Preferred',
        },
      });
      setAnswers(namespace, answers);
      assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unbound' });
      assert.deepEqual(plans(namespace.decide('previous')), { scan: 'Keep' });
    }
  });

  it('unbinds a scan of a deleted binding only once all candidates are refused', () => {
    const namespace = withTwoEntries('Preferred');
    namespace.binding('previous', {
      createdAt: '2025-01-01T00:00:00Z',
      spec: { imagePullSecrets: [{ name: 'second' }] },
    });
    namespace.settle('previous');
    namespace.remove('bindings', 'previous');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unbound' });
    setAnswers(namespace, { [FIRST]: 'denied', [SECOND]: 'denied', [ANONYMOUS]: 'denied' });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Unbind' });
  });
});

describe('a credential with a known expiration', () => {
  const EXPIRATION = NOW + 2 * HOUR;
  const PASSWORD = btoa(JSON.stringify({ expiration: EXPIRATION / 1_000 }));
  const AUTH = `AWS:${PASSWORD}`;

  function expiring(verification: Verification): Namespace {
    const namespace = new Namespace();
    namespace.pullSecret('pull', { 'reg.example': { auth: btoa(AUTH) } });
    namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'pull' }], verification } });
    namespace.scan('scan');
    return namespace;
  }

  it('is in use until it expires, with a warning one hour before and no check after', () => {
    for (const verification of ['Preferred', 'Required'] as const) {
      const namespace = expiring(verification);
      namespace.answer(AUTH, { answer: ANSWERS.accepted, freshUntil: EXPIRATION + HOUR });
      assert.equal(outcome(namespace).ready, 'True Ready');
      assert.equal(namespace.decide('app', NOW).requests.nextAt, EXPIRATION - HOUR);
      namespace.settle('app');
      assert.equal(outcome(namespace, EXPIRATION - HOUR - 1).ready, 'True Ready');
      assert.equal(outcome(namespace, EXPIRATION - HOUR).ready, 'True ExpiresSoon');
      assert.equal(namespace.decide('app', EXPIRATION - HOUR).requests.nextAt, EXPIRATION);
      const events = namespace.report('app', undefined, EXPIRATION - HOUR).events;
      assert.deepEqual(
        events.map(({ type, reason }) => `${type} ${reason}`),
        ['Warning ExpiresSoon'],
      );
      namespace.answer(AUTH, {
        answer: { result: 'Expired', expiredAt: EXPIRATION },
        freshUntil: Number.POSITIVE_INFINITY,
      });
      namespace.answer(ANONYMOUS, { answer: ANSWERS.denied, freshUntil: EXPIRATION + HOUR });
      const { status } = namespace.report('app', undefined, EXPIRATION);
      assert.equal(condition(status, 'Ready'), 'False Expired');
      assert.equal(condition(status, 'CredentialVerified'), 'False Expired');
      assert.equal(
        status.credential?.expirationTime,
        new Date(EXPIRATION).toISOString().replace('.000Z', 'Z'),
      );
      assert.deepEqual(namespace.openChecks('app', EXPIRATION), []);
      assert.deepEqual(plans(namespace.decide('app', EXPIRATION)), { scan: 'Keep' });
    }
  });

  it('is replaced by the next one that fits when it expires, with an Event that names the reason', () => {
    const namespace = expiring('Preferred');
    namespace.pullSecret('next', { 'reg.example': { auth: btoa(SECOND) } });
    const imagePullSecrets = [{ name: 'pull' }, { name: 'next' }];
    namespace.binding('app', { spec: { imagePullSecrets, verification: 'Preferred' } });
    namespace.answer(AUTH, { answer: ANSWERS.accepted, freshUntil: EXPIRATION + HOUR });
    namespace.settle('app');
    namespace.answer(AUTH, {
      answer: { result: 'Expired', expiredAt: EXPIRATION },
      freshUntil: Number.POSITIVE_INFINITY,
    });
    namespace.answer(SECOND, { answer: ANSWERS.accepted, freshUntil: EXPIRATION + HOUR });
    const { status, events } = namespace.report('app', undefined, EXPIRATION);
    assert.deepEqual(
      [status.credential?.secret.name, status.credential?.expirationTime],
      ['next', undefined],
    );
    assert.deepEqual(
      events.map(({ type, reason }) => `${type} ${reason}`),
      ['Warning CredentialChanged'],
    );
    assert.match(events[0]?.note ?? '', /instead of entry "reg\.example" of Secret pull, which has expired$/);
  });

  it('is reported as expired without any check with Never', () => {
    const namespace = expiring('Never');
    namespace.settle('app');
    assert.equal(outcome(namespace, EXPIRATION - 1).ready, 'True ExpiresSoon');
    const { ready, verified, scan } = outcome(namespace, EXPIRATION);
    assert.deepEqual(
      { ready, verified, scan },
      {
        ...{ ready: 'False Expired', verified: 'False Expired', scan: 'Keep' },
      },
    );
  });
});

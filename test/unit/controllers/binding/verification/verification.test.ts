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
const NOBODY = '';

/** A scan, and a binding `app` with two entries that fit: that of Secret first comes before that of Secret second. */
function two(verification: Verification, spec: Partial<ImageCredentialBindingSpec> = {}): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('first', { 'reg.example/app': { auth: btoa(FIRST) } });
  namespace.pullSecret('second', { 'reg.example': { auth: btoa(SECOND) } });
  namespace.binding('app', {
    spec: { imagePullSecrets: [{ name: 'second' }, { name: 'first' }], verification, ...spec },
  });
  namespace.scan('scan');
  return namespace;
}

/** @param acceptedBefore - whom the registry had accepted at that time */
function told(namespace: Namespace, answers: Answers, at = NOW, acceptedBefore?: string): void {
  for (const [auth, name] of Object.entries(answers)) {
    const before = auth === acceptedBefore ? at : undefined;
    if (name !== undefined) tell(namespace, auth, name, { at, acceptedAt: before });
  }
}

/** As the registry checker remembers it: what was accepted before stays so but for a refusal. */
function tell(
  namespace: Namespace,
  auth: string,
  name: Answer,
  { at, acceptedAt }: { readonly at: number; readonly acceptedAt?: number | undefined },
): void {
  const isAccepted = name === 'accepted' || name === 'unknownVersion';
  const kept = name === 'denied' ? undefined : acceptedAt;
  const times = { askedAt: at, askAgainAt: at + HOUR, acceptedAt: isAccepted ? at : kept };
  namespace.answer(auth, { answer: ANSWERS[name], ...times });
}

/** What a binding has come to: its conditions, whom scans use, who is asked about, and what is done to the scan. */
function outcome(namespace: Namespace, now = NOW) {
  const { status } = namespace.report('app', undefined, now);
  return {
    ready: condition(status, 'Ready'),
    resolved: condition(status, 'CredentialResolved'),
    verified: condition(status, 'CredentialVerified'),
    uses: status.credential?.secret.name,
    asks: namespace.asked('app', now),
    scan: plans(namespace.decide('app', now))['scan'],
  };
}

type Outcome = ReturnType<typeof outcome>;

describe('the walk over the candidates, where nobody is in use', () => {
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
    { name: 'nobody was asked', answers: {}, preferred: { ...waiting, asks: [FIRST] } },
    {
      name: 'the first is accepted',
      answers: { [FIRST]: 'accepted' },
      preferred: { ...ready, verified: 'True Accepted', uses: 'first', asks: [] },
    },
    {
      name: 'the first may read, and the version is unknown',
      answers: { [FIRST]: 'unknownVersion' },
      preferred: { ...ready, verified: 'True ManifestUnknown', uses: 'first', asks: [] },
    },
    {
      name: 'the first is refused, the second was not asked about',
      answers: { [FIRST]: 'denied' },
      preferred: { ...waiting, asks: [SECOND] },
    },
    {
      name: 'the first is refused, the second accepted',
      answers: { [FIRST]: 'denied', [SECOND]: 'accepted' },
      preferred: { ...ready, verified: 'True Accepted', uses: 'second', asks: [] },
    },
    {
      name: 'of the first nothing is proven, the second was not asked about',
      answers: { [FIRST]: 'inconclusive' },
      preferred: { ...waiting, asks: [SECOND] },
    },
    {
      name: 'of the first nothing is proven, the second is accepted',
      answers: { [FIRST]: 'inconclusive', [SECOND]: 'accepted' },
      preferred: { ...ready, verified: 'True Accepted', uses: 'second' },
    },
    {
      name: 'of the first nothing is proven, the others are refused: the first is possible still',
      answers: { [FIRST]: 'inconclusive', [SECOND]: 'denied', [NOBODY]: 'denied' },
      preferred: { ...ready, verified: 'Unknown Inconclusive', uses: 'first' },
      required: withheld('Inconclusive'),
    },
    {
      name: 'the registry cannot be reached: the second is not tried',
      answers: { [FIRST]: 'unreachable' },
      preferred: { ...ready, verified: 'Unknown Unreachable', uses: 'first', asks: [] },
      required: { ...withheld('Unreachable'), asks: [] },
    },
    {
      name: 'the first is refused, then the registry asks to wait',
      answers: { [FIRST]: 'denied', [SECOND]: 'limited' },
      preferred: { ...ready, verified: 'Unknown RateLimited', uses: 'second', asks: [] },
      required: withheld('RateLimited'),
    },
    {
      name: 'the registry may not be asked',
      answers: { [FIRST]: 'notAllowed' },
      preferred: { ...ready, verified: 'Unknown NotAllowed', uses: 'first' },
      required: withheld('NotAllowed'),
    },
    {
      name: 'all are refused, nobody was asked without a credential',
      answers: { [FIRST]: 'denied', [SECOND]: 'denied' },
      preferred: { ...waiting, asks: [NOBODY] },
    },
    {
      name: 'all are refused, everybody may pull',
      answers: { [FIRST]: 'denied', [SECOND]: 'denied', [NOBODY]: 'accepted' },
      preferred: { ...anonymous, verified: 'True Accepted' },
    },
    {
      name: 'all are refused, anonymous too',
      answers: { [FIRST]: 'denied', [SECOND]: 'denied', [NOBODY]: 'denied' },
      preferred: denied,
    },
    {
      name: 'all are refused, whether everybody may pull cannot be asked',
      answers: { [FIRST]: 'denied', [SECOND]: 'denied', [NOBODY]: 'unreachable' },
      preferred: denied,
    },
  ];
  for (const { name, answers, preferred, required = preferred } of cases) {
    for (const [verification, expected] of [
      ['Preferred', preferred],
      ['Required', required],
    ] as const) {
      it(`${verification}: ${name}`, () => {
        const namespace = two(verification);
        told(namespace, answers);
        const found = outcome(namespace);
        assert.deepEqual({ ...found, ...expected }, found);
        const { status } = namespace.report('app');
        const reconciling = condition(status, 'Reconciling');
        const underWay = found.ready?.startsWith('False') && found.verified?.startsWith('Unknown');
        assert.equal(reconciling, underWay ? found.ready?.replace('False', 'True') : undefined);
      });
    }
  }

  it('Never: the first is taken, and nobody is asked', () => {
    const namespace = two('Never');
    told(namespace, { [FIRST]: 'denied' });
    const found = outcome(namespace);
    const expected = { ...ready, verified: 'Unknown Disabled', uses: 'first', asks: [] };
    assert.deepEqual(found, expected);
  });

  it('is spec.verification Preferred where nothing is said', () => {
    const spec = { image: 'reg.example/app', imagePullSecrets: [] };
    const binding = readBinding({ metadata: { namespace: 'ns', name: 'app' }, spec });
    assert.equal(binding.validity === 'Valid' && binding.verification, 'Preferred');
  });
});

describe('without an entry that fits', () => {
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
      name: 'nobody was asked yet',
      answer: undefined,
      expected: { ready: 'False Verifying', resolved: 'Unknown Verifying', asks: [NOBODY], scan: 'Unbound' },
    },
    {
      name: 'everybody may pull',
      answer: 'accepted',
      expected: { ready: 'True Ready', resolved: 'True Anonymous', verified: 'True Accepted', asks: [] },
    },
    { name: 'not everybody may pull', answer: 'denied', expected: noMatch },
    { name: 'the registry cannot be reached', answer: 'unreachable', expected: noMatch },
    { name: 'the repository is unknown', answer: 'inconclusive', expected: noMatch },
    {
      name: 'none is needed, and nobody was asked yet',
      empty: true,
      answer: undefined,
      expected: { ...noneNeeded, verified: 'Unknown Verifying', asks: [NOBODY] },
    },
    {
      name: 'none is needed, and everybody may pull',
      empty: true,
      answer: 'accepted',
      expected: { ...noneNeeded, verified: 'True Accepted' },
    },
    {
      name: 'none is needed, and not everybody may pull',
      empty: true,
      answer: 'denied',
      expected: { ...noneNeeded, verified: 'Unknown NotCheckable' },
    },
    {
      name: 'none is needed, and the registry cannot be reached',
      empty: true,
      answer: 'unreachable',
      expected: { ...noneNeeded, verified: 'Unknown Unreachable' },
    },
  ];
  for (const { name, empty = false, answer, expected } of cases) {
    it(name, () => {
      const namespace = unfit(empty ? { imagePullSecrets: [] } : {});
      told(namespace, { [NOBODY]: answer });
      const found = outcome(namespace);
      assert.deepEqual({ ...found, ...expected }, found);
      namespace.settle('app');
      namespace.restart('app');
      assert.equal(namespace.report('app').changed, false, 'a restart says nothing new');
    });
  }
});

describe('the credential in use', () => {
  /** Its scan is bound to the second, for the first is refused. */
  const second = (verification: Verification = 'Preferred') => {
    const namespace = two(verification);
    told(namespace, { [FIRST]: 'denied', [SECOND]: 'accepted' });
    namespace.settle('app');
    return namespace;
  };
  const cases: readonly {
    name: string;
    answers: Answers;
    expected: Partial<Outcome>;
  }[] = [
    {
      name: 'stays while the registry cannot be reached',
      answers: { [FIRST]: 'unreachable', [SECOND]: 'unreachable' },
      expected: { uses: 'second', verified: 'True AcceptedBefore', ready: 'True Ready', scan: 'Keep' },
    },
    {
      name: 'stays where nothing is proven any more, though everybody may pull',
      answers: { [SECOND]: 'inconclusive', [NOBODY]: 'accepted' },
      expected: { uses: 'second', verified: 'True AcceptedBefore', scan: 'Keep', asks: [] },
    },
    {
      name: 'gives way to a more preferred one that is accepted',
      answers: { [FIRST]: 'accepted' },
      expected: { uses: 'first', verified: 'True Accepted', scan: 'Edit Bind' },
    },
    {
      name: 'stays while of a more preferred one nothing is proven',
      answers: { [FIRST]: 'inconclusive' },
      expected: { uses: 'second', verified: 'True Accepted', scan: 'Keep' },
    },
    {
      name: 'goes when it is refused itself, and everybody may pull',
      answers: { [SECOND]: 'denied', [NOBODY]: 'accepted' },
      expected: { uses: undefined, resolved: 'True Anonymous', verified: 'True Accepted', scan: 'Edit Bind' },
    },
    {
      name: 'stays in what is bound when all are refused',
      answers: { [SECOND]: 'denied', [NOBODY]: 'denied' },
      expected: { uses: 'second', verified: 'False Denied', ready: 'False Denied', scan: 'Keep' },
    },
    {
      name: 'stays while it is asked whether everybody may pull',
      answers: { [SECOND]: 'denied' },
      expected: { uses: 'second', verified: 'Unknown Verifying', asks: [NOBODY], scan: 'Keep' },
    },
  ];
  for (const verification of ['Preferred', 'Required'] as const) {
    for (const { name, answers, expected } of cases) {
      it(`${verification}: ${name}`, () => {
        const namespace = second(verification);
        told(namespace, answers, NOW, SECOND);
        const found = outcome(namespace);
        assert.deepEqual({ ...found, ...expected }, found);
      });
    }

    it(`${verification}: a new value is delivered at once, and asked about in its turn`, () => {
      const namespace = second(verification);
      namespace.pullSecret('second', { 'reg.example': { auth: btoa('second:new') } });
      const decision = namespace.decide('app');
      assert.equal(decision.secretWrite.write, 'Replace');
      assert.deepEqual(
        decision.requests.checks.map(({ isDeferrable }) => isDeferrable),
        [true],
      );
      const { uses, asks, verified, scan } = outcome(namespace);
      assert.deepEqual(
        { uses, asks, verified, scan },
        { uses: 'second', asks: ['second:new'], verified: 'True Accepted', scan: 'Keep' },
      );
      assert.equal(namespace.report('app').changed, false);
    });

    it(`${verification}: a new value of a refused one is delivered, and bound to by nobody new before an answer`, () => {
      const namespace = second(verification);
      told(namespace, { [SECOND]: 'denied', [NOBODY]: 'denied' });
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
      told(namespace, { 'second:new': 'accepted' });
      assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep', later: 'Edit Bind' });
      assert.equal(outcome(namespace).ready, 'True Ready');
    });
  }

  it('in a Secret that was deleted and created again is another one: scans stay bound, and wait for an answer', () => {
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

  it('of another repository does not count', () => {
    const namespace = second();
    const imagePullSecrets = [{ name: 'second' }, { name: 'first' }];
    namespace.binding('app', {
      spec: { image: 'reg.example/other', imagePullSecrets, verification: 'Preferred' },
    });
    assert.equal(outcome(namespace).verified, 'Unknown Verifying');
  });

  it('that was chosen without a check stays while it is asked about', () => {
    const namespace = two('Never');
    namespace.settle('app');
    namespace.binding('app', {
      spec: { imagePullSecrets: [{ name: 'second' }, { name: 'first' }], verification: 'Preferred' },
    });
    const { uses, ready, asks, scan } = outcome(namespace);
    assert.deepEqual(
      { uses, ready, asks, scan },
      { uses: 'first', ready: 'True Ready', asks: [FIRST], scan: 'Keep' },
    );
  });

  it('gives way to one that is accepted, where it never was and nothing is proven', () => {
    const namespace = two('Preferred');
    told(namespace, { [FIRST]: 'unreachable' });
    namespace.settle('app');
    told(namespace, { [FIRST]: 'inconclusive', [SECOND]: 'accepted' });
    assert.equal(outcome(namespace).uses, 'second');
  });
});

describe('nobody', () => {
  const anonymous = () => {
    const namespace = two('Preferred');
    told(namespace, { [FIRST]: 'denied', [SECOND]: 'denied', [NOBODY]: 'accepted' });
    namespace.settle('app');
    return namespace;
  };

  it('goes on pulling while the registry cannot be reached', () => {
    const namespace = anonymous();
    tell(namespace, NOBODY, 'unreachable', { at: NOW, acceptedAt: NOW });
    const { resolved, verified, scan } = outcome(namespace);
    assert.deepEqual(
      { resolved, verified, scan },
      { resolved: 'True Anonymous', verified: 'True AcceptedBefore', scan: 'Keep' },
    );
  });

  it('gives way to a credential that is accepted, and not to one that was not asked about yet', () => {
    const namespace = anonymous();
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    const { resolved, asks } = outcome(namespace);
    assert.deepEqual(
      { resolved, asks },
      { resolved: 'True Anonymous', asks: ['first:new', NOBODY].slice(0, 1) },
    );
    told(namespace, { 'first:new': 'accepted' });
    assert.equal(outcome(namespace).uses, 'first');
  });
});

describe('the wait of Preferred for a first answer', () => {
  it('ends with the time-out of a check, and then the first is taken; that of Required does not', () => {
    for (const [verification, resolved] of [
      ['Preferred', 'True Selected'],
      ['Required', 'True Found'],
    ] as const) {
      const namespace = two(verification);
      namespace.settle('app');
      assert.equal(namespace.decide('app', NOW + 29_000).requests.nextAt, NOW + 30_000);
      assert.equal(outcome(namespace, NOW + 29_000).resolved, 'True Found');
      assert.equal(outcome(namespace, NOW + 30_000).resolved, resolved);
      namespace.settle('app', NOW + 30_000);
      assert.equal(outcome(namespace, NOW + 31_000).resolved, resolved, 'it stays so');
      assert.equal(namespace.report('app', undefined, NOW + 31_000).changed, false);
    }
  });

  it('of one without candidates goes on: there is nothing that could be taken', () => {
    const namespace = new Namespace();
    namespace.binding('app', { spec: { verification: 'Preferred' } });
    namespace.settle('app');
    assert.equal(outcome(namespace, NOW + HOUR).resolved, 'Unknown Verifying');
  });
});

describe('what is asked', () => {
  it('is about a version that a scan really names: of the first by name', () => {
    const namespace = two('Preferred');
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

  it('says that a version is unknown only of the one that is named now', () => {
    const namespace = two('Preferred');
    told(namespace, { [FIRST]: 'unknownVersion' });
    assert.equal(outcome(namespace).verified, 'True ManifestUnknown');
    namespace.scan('a-scan', { image: 'reg.example/app:2.0' });
    assert.equal(outcome(namespace).verified, 'True Accepted');
    for (const name of ['scan', 'a-scan']) namespace.remove('scheduledScans', name);
    namespace.answer(FIRST, { answer: ANSWERS.unknownVersion, version: undefined });
    assert.equal(outcome(namespace).verified, 'True Accepted', 'latest is not named by anybody');
  });

  it('is asked again when its time has come, and not before', () => {
    const namespace = two('Preferred');
    told(namespace, { [FIRST]: 'denied', [SECOND]: 'accepted' });
    assert.deepEqual(namespace.decide('app').requests, {
      checks: [],
      login: undefined,
      nextAt: NOW + HOUR,
    });
    assert.deepEqual(namespace.asked('app', NOW + HOUR), [FIRST, SECOND]);
  });

  it('leaves out candidates after the one that is accepted', () => {
    const namespace = two('Preferred');
    told(namespace, { [FIRST]: 'accepted', [SECOND]: 'denied' });
    assert.deepEqual(namespace.asked('app', NOW + HOUR), [FIRST]);
  });
});

describe('verifiedTime', () => {
  const accepted = () => {
    const namespace = two('Preferred');
    told(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    return namespace;
  };
  const time = (namespace: Namespace, now = NOW) =>
    namespace.report('app', undefined, now).status.credential?.verifiedTime;

  it('is when the registry accepted, and stays while that is asked again within the interval', () => {
    const namespace = accepted();
    assert.equal(time(namespace), '2026-06-01T12:00:00Z');
    tell(namespace, FIRST, 'accepted', { at: NOW + HOUR });
    assert.equal(namespace.report('app', undefined, NOW + HOUR).changed, false);
  });

  it('is renewed once an interval has passed, up to a tenth less', () => {
    const namespace = accepted();
    tell(namespace, FIRST, 'accepted', { at: NOW + 10.9 * HOUR });
    assert.equal(time(namespace), '2026-06-01T22:54:00Z');
  });

  it('is renewed when a new value is accepted', () => {
    const namespace = accepted();
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    namespace.settle('app', NOW + MINUTE);
    assert.equal(time(namespace), '2026-06-01T12:00:00Z');
    tell(namespace, 'first:new', 'accepted', { at: NOW + 2 * MINUTE });
    assert.equal(time(namespace, NOW + 2 * MINUTE), '2026-06-01T12:02:00Z');
  });

  it('stays while the registry cannot be reached, and is not taken over by another credential', () => {
    const namespace = accepted();
    tell(namespace, FIRST, 'unreachable', { at: NOW + HOUR, acceptedAt: NOW });
    assert.equal(time(namespace), '2026-06-01T12:00:00Z');
    assert.match(
      namespace.report('app').status.conditions?.find(({ type }) => type === 'CredentialVerified')?.message ??
        '',
      /accepted earlier, but cannot be checked now: the registry did not answer in time/,
    );
    told(namespace, { [FIRST]: 'denied', [SECOND]: 'unreachable' });
    assert.equal(time(namespace), undefined);
  });
});

describe('after a restart', () => {
  const states: readonly { name: string; answers: Answers }[] = [
    { name: 'the first is accepted', answers: { [FIRST]: 'accepted' } },
    { name: 'the version is unknown', answers: { [FIRST]: 'unknownVersion' } },
    { name: 'the second is accepted', answers: { [FIRST]: 'denied', [SECOND]: 'accepted' } },
    { name: 'nothing is proven of the first', answers: { [FIRST]: 'inconclusive', [SECOND]: 'accepted' } },
    {
      name: 'everybody may pull',
      answers: { [FIRST]: 'inconclusive', [SECOND]: 'denied', [NOBODY]: 'accepted' },
    },
    { name: 'all are refused', answers: { [FIRST]: 'denied', [SECOND]: 'denied', [NOBODY]: 'denied' } },
  ];
  for (const { name, answers } of states) {
    it(`nothing is asked and nothing written: ${name}`, () => {
      for (const verification of ['Preferred', 'Required'] as const) {
        const namespace = two(verification);
        told(namespace, answers);
        namespace.settle('app');
        namespace.settle('app');
        const before = namespace.stores.bindings.get('ns/app')?.status;
        namespace.restart('app', NOW + 5 * MINUTE);
        assert.deepEqual(namespace.asked('app', NOW + 5 * MINUTE), []);
        const { status, changed, events } = namespace.report('app', undefined, NOW + 5 * MINUTE);
        assert.deepEqual(status, before);
        assert.deepEqual({ changed, events }, { changed: false, events: [] });
      }
    });
  }

  for (const answer of ['unreachable', 'limited', 'notAllowed', 'inconclusive'] as const) {
    it(`what could not be asked is asked again, and nothing written before the answer: ${answer}`, () => {
      for (const verification of ['Preferred', 'Required'] as const) {
        const namespace = two(verification);
        told(namespace, { [FIRST]: 'denied', [SECOND]: answer, [NOBODY]: 'denied' });
        namespace.settle('app');
        namespace.settle('app');
        namespace.restart('app');
        assert.equal(namespace.report('app').changed, false, verification);
      }
    });
  }

  it('a credential that was accepted before, and could not be asked about since, is asked about again', () => {
    const namespace = two('Required');
    told(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    tell(namespace, FIRST, 'unreachable', { at: NOW, acceptedAt: NOW });
    namespace.settle('app');
    namespace.restart('app');
    assert.deepEqual(namespace.asked('app'), [FIRST]);
    assert.equal(namespace.report('app').changed, false);
  });

  it('a value that changed meanwhile is delivered, and asked about', () => {
    const namespace = two('Required');
    told(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    namespace.restart('app');
    assert.equal(namespace.decide('app').secretWrite.write, 'Replace');
    assert.deepEqual(namespace.asked('app'), ['first:new']);
  });

  it('a value that was delivered and not answered for is asked about', () => {
    const namespace = two('Required');
    told(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    namespace.settle('app', NOW + MINUTE);
    namespace.restart('app', NOW + 2 * MINUTE);
    assert.deepEqual(namespace.asked('app', NOW + 2 * MINUTE), ['first:new']);
  });

  it('a refused one that changed meanwhile is asked about', () => {
    const namespace = two('Preferred');
    told(namespace, { [FIRST]: 'denied', [SECOND]: 'accepted' });
    namespace.settle('app');
    namespace.pullSecret('first', { 'reg.example/app': { auth: btoa('first:new') } });
    namespace.restart('app');
    assert.deepEqual(namespace.asked('app'), ['first:new']);
  });

  it('one that only observes, so that nothing holds the value, is asked about', () => {
    const namespace = two('Preferred', { mode: 'Observe' });
    told(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    namespace.restart('app');
    assert.deepEqual(namespace.asked('app'), [FIRST]);
    assert.equal(namespace.report('app').changed, false);
  });

  it('Never recalls nothing', () => {
    const namespace = two('Never');
    namespace.settle('app');
    namespace.restart('app');
    assert.deepEqual(namespace.asked('app'), []);
  });
});

describe('a change of the credential', () => {
  const replaced = () => {
    const namespace = two('Preferred');
    told(namespace, { [FIRST]: 'accepted' });
    namespace.settle('app');
    told(namespace, { [FIRST]: 'denied', [SECOND]: 'accepted' });
    return namespace;
  };

  it('for a refusal is told in history and by a warning, once', () => {
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

  it('to none, for everybody may pull, is told as well', () => {
    const namespace = replaced();
    told(namespace, { [SECOND]: 'denied', [NOBODY]: 'accepted' });
    const { status, events } = namespace.report('app');
    assert.deepEqual(status.history?.[0]?.to, { platform: 'Generic', image: 'reg.example/app' });
    assert.match(events[0]?.note ?? '', /^scans now use no credential instead of entry .* refuses/);
    namespace.settle('app');
    told(namespace, { [FIRST]: 'accepted' });
    assert.match(namespace.report('app').events[0]?.note ?? '', /Secret first instead of no credential$/);
  });

  it('of another image names the repository that it was for', () => {
    const namespace = replaced();
    const imagePullSecrets = [{ name: 'second' }];
    namespace.binding('app', {
      spec: { image: 'reg.example/other', imagePullSecrets, verification: 'Never' },
    });
    assert.equal(namespace.report('app').status.history?.[0]?.from.image, 'reg.example/app');
  });

  it('is kept while the spec cannot be acted on', () => {
    const namespace = replaced();
    namespace.settle('app');
    namespace.binding('app', { spec: { image: 'Not An Image' } });
    assert.equal(namespace.report('app').status.history?.length, 1);
  });

  it('is kept ten times, the newest first', () => {
    const namespace = replaced();
    for (let turn = 1; turn <= 12; turn += 1) {
      told(namespace, {
        [FIRST]: turn % 2 === 0 ? 'accepted' : 'denied',
        [SECOND]: turn % 2 === 0 ? 'denied' : 'accepted',
      });
      namespace.settle('app', NOW + turn * MINUTE);
    }
    const times = namespace.stores.bindings.get('ns/app')?.status?.history?.map(({ time }) => time) ?? [];
    assert.equal(times.length, 10);
    assert.equal(times[0], '2026-06-01T12:12:00Z');
    assert.deepEqual(times, times.toSorted().reverse());
  });
});

describe('what status says of a candidate', () => {
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
    it(`${JSON.stringify(answers)}: ${expected.join(', ')}`, () => {
      const namespace = two('Preferred');
      told(namespace, answers);
      assert.deepEqual(results(namespace), expected);
    });
  }
});

describe('a binding that cannot hand out a credential (yet)', () => {
  it('leaves the scan with the one that holds it', () => {
    for (const answers of [{}, { [FIRST]: 'denied', [SECOND]: 'denied', [NOBODY]: 'denied' }] as const) {
      const namespace = new Namespace();
      namespace.pullSecret('pull');
      namespace.binding('holder');
      namespace.scan('scan');
      namespace.settle('holder');
      namespace.pullSecret('first', { 'reg.example/app': { auth: btoa(FIRST) } });
      namespace.pullSecret('second', { 'reg.example': { auth: btoa(SECOND) } });
      namespace.binding('app', {
        spec: {
          image: 'reg.example/app:1.0',
          imagePullSecrets: [{ name: 'first' }, { name: 'second' }],
          verification: 'Preferred',
        },
      });
      told(namespace, answers);
      assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unbound' });
      assert.deepEqual(plans(namespace.decide('holder')), { scan: 'Keep' });
    }
  });

  it('lets go of what another left behind once it is known that there is nothing better, and not before', () => {
    const namespace = two('Preferred');
    namespace.binding('holder', {
      createdAt: '2025-01-01T00:00:00Z',
      spec: { imagePullSecrets: [{ name: 'second' }] },
    });
    namespace.settle('holder');
    namespace.remove('bindings', 'holder');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unbound' });
    told(namespace, { [FIRST]: 'denied', [SECOND]: 'denied', [NOBODY]: 'denied' });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Unbind' });
  });
});

describe('a credential that says when it ends', () => {
  const END = NOW + 2 * HOUR;
  const PASSWORD = btoa(JSON.stringify({ expiration: END / 1_000 }));
  const AUTH = `AWS:${PASSWORD}`;

  function ending(verification: Verification): Namespace {
    const namespace = new Namespace();
    namespace.pullSecret('pull', { 'reg.example': { auth: btoa(AUTH) } });
    namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'pull' }], verification } });
    namespace.scan('scan');
    return namespace;
  }

  it('is accepted until then, looked at an hour before and when it ends, and refused by nobody after', () => {
    for (const verification of ['Preferred', 'Required'] as const) {
      const namespace = ending(verification);
      namespace.answer(AUTH, { answer: ANSWERS.accepted, askAgainAt: END + HOUR });
      assert.equal(outcome(namespace).ready, 'True Ready');
      assert.equal(namespace.decide('app', NOW).requests.nextAt, END - HOUR);
      namespace.settle('app');
      assert.equal(outcome(namespace, END - HOUR - 1).ready, 'True Ready');
      assert.equal(outcome(namespace, END - HOUR).ready, 'True ExpiresSoon');
      assert.equal(namespace.decide('app', END - HOUR).requests.nextAt, END);
      const events = namespace.report('app', undefined, END - HOUR).events;
      assert.deepEqual(
        events.map(({ type, reason }) => `${type} ${reason}`),
        ['Warning ExpiresSoon'],
      );
      namespace.answer(AUTH, {
        answer: { result: 'Expired', ended: END },
        askAgainAt: Number.POSITIVE_INFINITY,
      });
      namespace.answer(NOBODY, { answer: ANSWERS.denied, askAgainAt: END + HOUR });
      const { status } = namespace.report('app', undefined, END);
      assert.equal(condition(status, 'Ready'), 'False Expired');
      assert.equal(condition(status, 'CredentialVerified'), 'False Expired');
      assert.equal(status.credential?.expirationTime, new Date(END).toISOString().replace('.000Z', 'Z'));
      assert.deepEqual(namespace.asked('app', END), []);
      assert.deepEqual(plans(namespace.decide('app', END)), { scan: 'Keep' });
    }
  });

  it('gives way to the next one that fits, and the Event says why', () => {
    const namespace = ending('Preferred');
    namespace.pullSecret('next', { 'reg.example': { auth: btoa(SECOND) } });
    const imagePullSecrets = [{ name: 'pull' }, { name: 'next' }];
    namespace.binding('app', { spec: { imagePullSecrets, verification: 'Preferred' } });
    namespace.answer(AUTH, { answer: ANSWERS.accepted, askAgainAt: END + HOUR });
    namespace.settle('app');
    namespace.answer(AUTH, {
      answer: { result: 'Expired', ended: END },
      askAgainAt: Number.POSITIVE_INFINITY,
    });
    namespace.answer(SECOND, { answer: ANSWERS.accepted, askAgainAt: END + HOUR });
    const { status, events } = namespace.report('app', undefined, END);
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

  it('is said to have ended where no registry is asked', () => {
    const namespace = ending('Never');
    namespace.settle('app');
    assert.equal(outcome(namespace, END - 1).ready, 'True ExpiresSoon');
    const { ready, verified, scan } = outcome(namespace, END);
    assert.deepEqual(
      { ready, verified, scan },
      {
        ...{ ready: 'False Expired', verified: 'False Expired', scan: 'Keep' },
      },
    );
  });
});

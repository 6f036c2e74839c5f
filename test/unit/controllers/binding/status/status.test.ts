import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONDITION_TYPES, type ImageCredentialBindingStatus } from '../../../../../src/api/index.ts';
import { Refused } from '../../../../../src/controllers/binding/apply.ts';
import { OutOfDate } from '../../../../../src/kube/out-of-date.ts';
import { condition, Namespace, NOW } from '../namespace.ts';

const CANARY = 'canary-Qz7';

interface Case {
  readonly name: string;
  readonly prepare: (namespace: Namespace) => void;
  readonly conditions: Readonly<Partial<Record<(typeof CONDITION_TYPES)[number], string>>>;
  readonly message?: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: 'a credential fits and scans are bound',
    prepare: (namespace) => {
      namespace.pullSecret('pull');
      namespace.scan('scan');
    },
    conditions: {
      Ready: 'True Ready',
      CredentialResolved: 'True Selected',
      CredentialVerified: 'Unknown Disabled',
      ScansBound: 'True Bound',
    },
    message: /1 scan bound/,
  },
  {
    name: 'no scan names the image yet, which is not an error',
    prepare: (namespace) => namespace.pullSecret('pull'),
    conditions: {
      Ready: 'True Ready',
      CredentialResolved: 'True Selected',
      CredentialVerified: 'Unknown Disabled',
      ScansBound: 'True NoScans',
    },
  },
  {
    name: 'more entries fit than are tried',
    prepare: (namespace) => {
      namespace.scan('scan');
      const variants = ['', 'http://', 'https://'].flatMap((scheme) =>
        [
          '',
          '/',
          '/v1/',
          '/v2/',
          '/app',
          '/v1/app',
          '/v2/app',
          '/%61pp',
          '/a%70p',
          '/ap%70',
          '/%61%70p',
          '/%61%70%70',
        ].map((path) => `${scheme}reg.example${path}`),
      );
      const entries = variants.map((key) => [key, { auth: btoa('user:pass') }]);
      namespace.pullSecret('pull', Object.fromEntries(entries));
    },
    conditions: {
      Ready: 'True Ready',
      CredentialResolved: 'True Selected',
      CredentialVerified: 'Unknown Disabled',
      ScansBound: 'True Bound',
    },
    message: /; \d+ more entries fit and are not tried/,
  },
  {
    name: 'no key fits, with control and bidirectional characters of the keys escaped',
    prepare: (namespace) =>
      namespace.pullSecret('pull', { 'other.example\u202e\u0007': { auth: btoa('user:pass') } }),
    conditions: {
      Ready: 'False SecretMalformed',
      CredentialResolved: 'False SecretMalformed',
      ScansBound: 'True NoScans',
    },
    message: /other\.example\\+u202e\\+u0007/,
  },
  {
    name: 'the secret does not exist',
    prepare: () => undefined,
    conditions: {
      Ready: 'False SecretNotFound',
      CredentialResolved: 'False SecretNotFound',
      ScansBound: 'True NoScans',
    },
    message: /Secret pull does not exist.*Create the Secret in this namespace/,
  },
  {
    name: 'the secret is neither a pull secret nor annotated as a credential Secret',
    prepare: (namespace) => namespace.otherSecret('pull'),
    conditions: {
      Ready: 'False NotAnnotated',
      CredentialResolved: 'False NotAnnotated',
      ScansBound: 'True NoScans',
      Stalled: 'True NotAnnotated',
    },
    message:
      /Secret pull is not a pull secret: expected .*, or the annotation .*if it has the key \.dockerconfigjson, it needs that type/,
  },
  {
    name: 'the credential Secret has no known keys',
    prepare: (namespace) => namespace.credentialSecret('pull', { token: 'x' }),
    conditions: {
      Ready: 'False SecretWrongType',
      CredentialResolved: 'False SecretWrongType',
      ScansBound: 'True NoScans',
    },
    message: /Secret pull cannot be used: expected a user name .* found only the key ..token/,
  },
  {
    name: 'the secret is malformed',
    prepare: (namespace) => namespace.pullSecret('pull', `{"auths": ${CANARY}`),
    conditions: {
      Ready: 'False SecretMalformed',
      CredentialResolved: 'False SecretMalformed',
      ScansBound: 'True NoScans',
    },
    message: /Secret pull is malformed: .*Create the Secret again/,
  },
  {
    name: 'no entry fits the registry, so that a scan is not bound',
    prepare: (namespace) => {
      namespace.pullSecret('pull', { 'other.example': { auth: btoa(`user:${CANARY}`) } });
      namespace.scan('scan');
    },
    conditions: { Ready: 'False NoMatch', CredentialResolved: 'False NoMatch', ScansBound: 'False NoMatch' },
    message: /no credential for reg\.example\/app: Secret pull has entries for \\"other\.example\\" only/,
  },
  {
    name: 'an entry differs from the image only in its port',
    prepare: (namespace) => {
      namespace.pullSecret('pull', { 'reg.example:443': { auth: btoa(`user:${CANARY}`) } });
      namespace.scan('scan');
    },
    conditions: { Ready: 'False NoMatch', CredentialResolved: 'False NoMatch', ScansBound: 'False NoMatch' },
    message:
      /no credential for reg\.example\/app: entry \\"reg\.example:443\\" of Secret pull does not fit: it names port 443, and the image none; write \\"reg\.example\\""/,
  },
  {
    name: 'a host in the annotation of a credential Secret differs from the image only in letter case',
    prepare: (namespace) => {
      namespace.credentialSecret('pull', { username: 'u', password: CANARY }, 'Reg.example');
    },
    conditions: {
      Ready: 'False NoMatch',
      CredentialResolved: 'False NoMatch',
      ScansBound: 'True NoScans',
    },
    message: /host \\"Reg\.example\\" in the annotation .* letter case; write \\"reg\.example\\""/,
  },
  {
    name: 'one secret does not exist, although another one fits',
    prepare: (namespace) => {
      namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'gone' }, { name: 'pull' }] } });
      namespace.pullSecret('pull');
    },
    conditions: {
      Ready: 'True Ready',
      CredentialResolved: 'True Selected',
      CredentialVerified: 'Unknown Disabled',
      ScansBound: 'True NoScans',
    },
    message: /Secret gone does not exist/,
  },
  {
    name: 'no secret is needed',
    prepare: (namespace) => namespace.binding('app', { spec: { imagePullSecrets: [] } }),
    conditions: {
      Ready: 'True Ready',
      CredentialResolved: 'True NoneNeeded',
      CredentialVerified: 'Unknown Disabled',
      ScansBound: 'True NoScans',
    },
  },
  {
    name: 'the binding only observes',
    prepare: (namespace) => {
      namespace.binding('app', { spec: { mode: 'Observe' } });
      namespace.pullSecret('pull');
      namespace.scan('scan');
    },
    conditions: {
      Ready: 'True Ready',
      CredentialResolved: 'True Selected',
      CredentialVerified: 'Unknown Disabled',
      ScansBound: 'Unknown Observing',
    },
    message: /would bind 1 scan/,
  },
  {
    name: 'a run is due',
    prepare: (namespace) => {
      namespace.pullSecret('pull');
      const lastScheduleTime = new Date(NOW - 3_600_000).toISOString();
      namespace.scan('scan', { schedule: { suspend: false, interval: '1h' }, lastScheduleTime });
    },
    conditions: {
      Ready: 'False Waiting',
      CredentialResolved: 'True Selected',
      CredentialVerified: 'Unknown Disabled',
      ScansBound: 'False Waiting',
      Reconciling: 'True Waiting',
    },
  },
  {
    name: 'the image is not a valid reference, which an older CRD may have accepted',
    prepare: (namespace) => namespace.binding('app', { spec: { image: 'Not An Image' } }),
    conditions: { Ready: 'False InvalidSpec', Stalled: 'True InvalidSpec' },
    message: /Not An Image/,
  },
];

describe('the conditions of a binding', () => {
  for (const { name, prepare, conditions, message } of CASES) {
    it(`report that ${name}`, () => {
      const namespace = new Namespace();
      namespace.binding('app');
      prepare(namespace);
      const { status } = namespace.report('app');
      const found = CONDITION_TYPES.map((type) => [type, condition(status, type)]);
      assert.deepEqual(Object.fromEntries(found.filter(([, value]) => value !== undefined)), conditions);
      assert.match(JSON.stringify(status.conditions), message ?? /./);
      assertNoCanary(status);
    });
  }

  it('have the time of their last transition and the generation that was observed', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    namespace.pullSecret('pull');
    namespace.settle('app');
    namespace.binding('app', { spec: { verification: 'Never' } });
    namespace.remove('pullSecrets', 'pull');
    const { conditions = [] } = namespace.report('app', undefined, NOW + 60_000).status;
    const since = Object.fromEntries(
      conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    );
    assert.deepEqual(since, {
      Ready: '2026-06-01T12:01:00Z',
      CredentialResolved: '2026-06-01T12:01:00Z',
      ScansBound: '2026-06-01T12:00:00Z',
    });
    assert.deepEqual([...new Set(conditions.map(({ observedGeneration }) => observedGeneration))], [2]);
  });
});

describe('the status of a binding', () => {
  it('lists the entries that fit in the order tried, and each secret without such an entry', () => {
    const namespace = new Namespace();
    namespace.binding('app', { spec: { imagePullSecrets: ['a', 'b', 'c'].map((name) => ({ name })) } });
    namespace.pullSecret('a', { 'other.example': { auth: btoa('u:p') } });
    namespace.pullSecret('c', {
      'reg.example': { auth: btoa('AWS:p') },
      'reg.example/app': { auth: btoa(`${CANARY}:p`) },
    });
    const { status } = namespace.report('app');
    assert.deepEqual(status.candidates, [
      { secret: 'c', registryKey: 'reg.example/app', result: 'Selected', reason: 'FirstMatch' },
      { secret: 'c', registryKey: 'reg.example', result: 'Available', reason: 'NotNeeded' },
      { secret: 'a', result: 'Unusable', reason: 'NoMatch' },
      { secret: 'b', result: 'Unusable', reason: 'SecretNotFound' },
    ]);
    assertNoCanary(status);
  });

  it('shows a username only if it is publicly known', () => {
    for (const [username, shown] of [
      ['AWS', 'AWS'],
      [CANARY, undefined],
    ]) {
      const namespace = new Namespace();
      namespace.binding('app');
      namespace.pullSecret('pull', { 'reg.example': { username, password: CANARY } });
      const { status } = namespace.report('app');
      assert.equal(status.credential?.username, shown);
      assertNoCanary(status);
    }
  });

  it('names at most 20 scans, failing ones first, with the reason', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    namespace.pullSecret('pull');
    for (let index = 10; index < 40; index += 1) namespace.scan(`scan-${index}`);
    const failed = new Map([['scan-35', new Refused('ScanUpdateFailed', 'forbidden')]]);
    const { status } = namespace.report('app', { failed });
    assert.deepEqual(
      { matched: status.scans?.matched, bound: status.scans?.bound, failing: status.scans?.failing },
      { matched: 30, bound: 29, failing: 1 },
    );
    assert.deepEqual(status.scans?.names?.slice(0, 2), [
      { name: 'scan-35', reason: 'forbidden' },
      { name: 'scan-10' },
    ]);
    assert.equal(status.scans?.names?.length, 20);
    assert.equal(condition(status, 'ScansBound'), 'False ScanUpdateFailed');
  });
});

describe('the report of a binding', () => {
  const cases: readonly { name: string; error: unknown; ready: string; scans: object; message: RegExp }[] = [
    {
      name: 'contains advice if the API server refuses a write',
      error: new Refused('ScanUpdateFailed', 'the API server refused the write: Forbidden (403)'),
      ready: 'False ScanUpdateFailed',
      scans: { matched: 2, bound: 1, failing: 1 },
      message:
        /1 of 2 scans failing: a \(the API server refused .*\)\. Check .*\. The controller retries automatically/,
    },
    {
      name: 'contains advice if another volume uses the mount path',
      error: new Refused('MountPathTaken', 'another volume is mounted at /x'),
      ready: 'False MountPathTaken',
      scans: { matched: 2, bound: 1, failing: 1 },
      message: /another volume is mounted at \/x\)\. Mount that volume elsewhere/,
    },
    {
      name: 'announces a retry after a conflict, and counts other scans as bound',
      error: new OutOfDate('changed'),
      ready: 'False Waiting',
      scans: { matched: 2, bound: 1, failing: 0 },
      message: /1 scan waiting: a \(.*the controller retries\)/,
    },
  ];
  for (const { name, error, ready, scans, message } of cases) {
    it(name, () => {
      const namespace = new Namespace();
      namespace.binding('app');
      namespace.pullSecret('pull');
      for (const scan of ['a', 'b']) namespace.scan(scan);
      const failed = new Map([['a', error]]);
      const { status, events } = namespace.report('app', { failed, written: new Set(['b']) });
      const { names: _, ...counts } = status.scans ?? {};
      assert.equal(condition(status, 'Ready'), ready);
      assert.deepEqual(counts, scans);
      assert.match(JSON.stringify(status.conditions), message);
      assert.ok(
        events.every(({ note }) => !/bound a/.test(note)),
        JSON.stringify(events),
      );
    });
  }

  it('contains a failure once, even if a retry fails in the same way', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    namespace.pullSecret('pull');
    namespace.scan('a');
    const failed = new Map([['a', new Refused('ScanUpdateFailed', 'no')]]);
    const first = namespace.report('app', { failed, written: new Set() });
    assert.deepEqual(
      first.events.map(({ reason }) => reason),
      ['ScanUpdateFailed'],
    );
    namespace.setStatus('app', first.status);
    const second = namespace.report('app', { failed, written: new Set() });
    assert.deepEqual({ changed: second.changed, events: second.events }, { changed: false, events: [] });
  });

  it('counts no scan as bound if the Trivy Secret cannot be written', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    namespace.pullSecret('pull');
    namespace.scan('a');
    const secretRefused = new Refused(
      'TrivySecretFailed',
      'the API server refused the write: Forbidden (403)',
    );
    const { status } = namespace.report('app', { secretRefused, written: new Set() });
    assert.equal(condition(status, 'Ready'), 'False TrivySecretFailed');
    assert.equal(status.scans?.failing, 1);
  });

  it('does not count a scan that waits to be unbound as matched', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    namespace.pullSecret('pull');
    namespace.scan('a');
    namespace.settle('app');
    namespace.makeDue('a');
    namespace.binding('app', { spec: { mode: 'Observe' } });
    const { status } = namespace.report('app');
    assert.equal(status.scans?.matched, 0);
    assert.match(JSON.stringify(status.conditions), /1 scan waiting: a \(will be unbound once the run/);
  });

  it('mentions a credential in the parameters of a bound scan without showing it', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    namespace.pullSecret('pull');
    namespace.scan('a', { parameters: ['--username', 'u', '--password', CANARY, 'reg.example/app:1.0'] });
    const { status } = namespace.report('app');
    assert.match(status.scans?.names?.[0]?.reason ?? '', /bound, but its parameters contain a credential/);
    assertNoCanary(status);
  });

  it('names the first three of many broken entries in a secret', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    const broken = Array.from({ length: 9 }, (_, index) => [`reg${index}.example`, { auth: '!' }]);
    namespace.pullSecret('pull', { ...Object.fromEntries(broken), 'reg.example': { auth: btoa('u:p') } });
    const [ready] = namespace.report('app').status.conditions ?? [];
    assert.match(ready?.message ?? '', /reg0\.example.*reg2\.example.* and 6 more/);
    assert.doesNotMatch(ready?.message ?? '', /reg3/);
  });
});

describe('the Events of a binding', () => {
  it('report each change once', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    namespace.pullSecret('pull');
    namespace.scan('scan');
    const reasons = () => namespace.report('app').events.map(({ type, reason }) => `${type} ${reason}`);
    assert.deepEqual(reasons(), ['Normal Ready']);
    namespace.settle('app');
    assert.deepEqual(reasons(), []);
    namespace.scan('later');
    assert.deepEqual(reasons(), ['Normal ScansBound']);
    namespace.settle('app');
    namespace.pullSecret('another');
    namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'another' }] } });
    assert.deepEqual(reasons(), ['Normal CredentialChanged']);
    namespace.settle('app');
    namespace.remove('pullSecrets', 'another');
    assert.deepEqual(reasons(), ['Warning SecretNotFound']);
  });
});

function assertNoCanary(status: ImageCredentialBindingStatus): void {
  const text = JSON.stringify(status);
  assert.ok(
    !text.includes(CANARY) && !text.includes(Buffer.from(CANARY).toString('base64').slice(0, 12)),
    text,
  );
}

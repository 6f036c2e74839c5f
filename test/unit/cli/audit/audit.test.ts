import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageCredentialBindingStatus } from '../../../../src/api/index.ts';
import { ageOf } from '../../../../src/cli/audit/age.ts';
import { auditEntry } from '../../../../src/cli/audit/details.ts';
import {
  asCsv,
  asJson,
  asTable,
  asWide,
  scanRemarks,
  temporarySecretRemarks,
} from '../../../../src/cli/audit/print.ts';
import { auditRow } from '../../../../src/cli/audit/row.ts';

const condition = (type: string, status: 'True' | 'False' | 'Unknown', reason: string, generation = 2) => ({
  type,
  status,
  reason,
  message: `${reason}, she said.`,
  observedGeneration: generation,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const row = (status?: ImageCredentialBindingStatus) =>
  auditRow({
    metadata: { namespace: 'shop', name: 'app', generation: 2 },
    spec: { image: 'reg.example/app', imagePullSecrets: [{ name: 'pull' }] },
    ...(status === undefined ? {} : { status }),
  });

const FULL: ImageCredentialBindingStatus = {
  observedGeneration: 2,
  platform: 'Google',
  delivery: 'Direct',
  credential: {
    secret: { name: 'pull', uid: 'u' },
    registryKey: 'reg.example',
    verifiedTime: '2026-02-01T00:00:00Z',
    expirationTime: '2026-03-01T00:00:00Z',
  },
  scans: { matched: 3, bound: 2, failing: 1, names: [{ name: 'scan' }] },
  history: [
    {
      time: '2026-01-15T00:00:00Z',
      reason: 'PlatformSwitched',
      from: { platform: 'AWS', image: 'old.example/app', secret: 'ecr' },
      to: { platform: 'Google', image: 'reg.example/app', secret: 'pull' },
      scans: 2,
    },
  ],
  conditions: [condition('Ready', 'True', 'Ready'), condition('CredentialVerified', 'True', 'Accepted')],
};

describe('the row of a binding in an audit', () => {
  it('contains the values of the status', () => {
    assert.deepEqual(row(FULL), {
      namespace: 'shop',
      name: 'app',
      image: 'reg.example/app',
      platform: 'Google',
      secret: 'pull',
      delivery: 'Direct',
      ready: { status: 'True', reason: 'Ready', message: 'Ready, she said.' },
      verified: { status: 'True', reason: 'Accepted', time: '2026-02-01T00:00:00Z' },
      expires: '2026-03-01T00:00:00Z',
      scans: { matched: 3, bound: 2, boundAtCreation: 0, failing: 1, unreadable: 0, reasons: [] },
      temporarySecrets: [],
      lastChange: {
        time: '2026-01-15T00:00:00Z',
        reason: 'PlatformSwitched',
        from: { platform: 'AWS', image: 'old.example/app', secret: 'ecr' },
        to: { platform: 'Google', image: 'reg.example/app', secret: 'pull' },
        scans: 2,
      },
    });
  });

  it('is not ready if no controller has reported, and has every key', () => {
    const { ready, ...rest } = row();
    assert.equal(`${ready.status} ${ready.reason}`, 'Unknown NotReconciled');
    assert.match(ready.message, /Check that a controller is running/);
    assert.deepEqual(rest, {
      namespace: 'shop',
      name: 'app',
      image: 'reg.example/app',
      platform: null,
      secret: null,
      delivery: null,
      verified: { status: 'Unknown', reason: '', time: null },
      expires: null,
      scans: { matched: 0, bound: 0, boundAtCreation: 0, failing: 0, unreadable: 0, reasons: [] },
      temporarySecrets: [],
      lastChange: null,
    });
  });

  it('is not ready if the status is about an older spec', () => {
    const { ready } = row({ conditions: [condition('Ready', 'True', 'Ready', 1)] });
    assert.equal(`${ready.status} ${ready.reason}`, 'Unknown OutOfDate');
    assert.match(ready.message, /for generation 1, but the spec has generation 2/);
  });
});

describe('the output of an audit', () => {
  it('is an aligned table', () => {
    const denied = row({
      ...FULL,
      history: [],
      conditions: [condition('Ready', 'False', 'Denied'), condition('CredentialVerified', 'False', 'Denied')],
    });
    const never = row({ conditions: [condition('CredentialVerified', 'Unknown', 'Disabled')] });
    const lines = asTable([row(FULL), denied, never, row()]).split('\n');
    assert.deepEqual(lines, [
      'NAMESPACE   NAME   IMAGE             PLATFORM   SECRET   READY     REASON          VERIFIED                      EXPIRES                SCANS   LAST CHANGE',
      'shop        app    reg.example/app   Google     pull     True      Ready           2026-02-01T00:00:00Z          2026-03-01T00:00:00Z   2/3     2026-01-15T00:00:00Z PlatformSwitched',
      'shop        app    reg.example/app   Google     pull     False     Denied          2026-02-01T00:00:00Z Denied   2026-03-01T00:00:00Z   2/3     -',
      'shop        app    reg.example/app   -          -        Unknown   NotReconciled   Disabled                      -                      0/0     -',
      'shop        app    reg.example/app   -          -        Unknown   NotReconciled   -                             -                      0/0     -',
      '',
    ]);
  });

  it('names the Secrets of Scans that have not ended for long', () => {
    const secret = { name: 'trivy-daily-1-0123456789', scan: 'daily-1', createdTime: '2026-02-01T00:00:00Z' };
    const found = row({ ...FULL, temporarySecrets: { count: 1, names: [secret] } });
    assert.deepEqual(found.temporarySecrets, [secret]);
    assert.deepEqual(temporarySecretRemarks([row(FULL), found]), [
      'shop/app: Secret "trivy-daily-1-0123456789" has existed since 2026-02-01T00:00:00Z, because Scan "daily-1" has not ended; if the Scan is stuck, delete it',
    ]);
    assert.match(asCsv([found]), /,trivy-daily-1-0123456789\r\n$/);
  });

  it('shows how many ScheduledScans have their Scans bound when they are created', () => {
    const reason =
      'its Scans are bound when they are created, because Flux would revert a change of the ScheduledScan';
    const names = [{ name: 'from-git', boundAtCreation: true, reason }, { name: 'other' }];
    const found = row({ ...FULL, scans: { matched: 3, bound: 3, boundAtCreation: 1, failing: 0, names } });
    assert.match(asTable([found]), / 3\/3, 1 at creation /);
    assert.match(asCsv([found]), /,pull,0,1,\r\n$/);
    assert.deepEqual(found.scans.reasons, [{ name: 'from-git', reason }]);
    assert.deepEqual(scanRemarks([found]), []);
  });

  it('shows the ScheduledScans from whose parameters no image can be read, each with its reason', () => {
    const reason = 'has no readable image: parameter 1 begins with the scheme docker://';
    const names = [{ name: 'scheme', reason }, { name: 'ok' }];
    const unreadable = row({ ...FULL, scans: { matched: 1, bound: 1, failing: 0, unreadable: 1, names } });
    assert.match(asTable([unreadable]), / 1\/1, 1 unreadable /);
    assert.deepEqual(scanRemarks([unreadable, row(FULL)]), [`shop/app: ScheduledScan "scheme": ${reason}`]);
    assert.match(asCsv([unreadable]), /,pull,1,0,\r\n$/);
    assert.deepEqual(unreadable.scans.reasons, [{ name: 'scheme', reason }]);
  });

  it('has more columns with wide', () => {
    const created = '2026-01-01T00:00:00Z';
    const entry = auditEntry({
      metadata: { namespace: 'shop', name: 'app', generation: 2, creationTimestamp: created },
      spec: { image: 'reg.example/app', imagePullSecrets: [{ name: 'pull' }], mode: 'Observe' },
      status: { ...FULL, trivySecret: { name: 'icb-1' }, migrations: 4 },
    });
    const empty = auditEntry({
      metadata: { namespace: 'shop', name: 'new', generation: 2 },
      spec: { image: 'reg.example/new', imagePullSecrets: [] },
    });
    const wide = asWide([entry, empty], { headers: true, now: Date.parse('2026-01-13T00:00:00Z') });
    const [headings = '', first = '', second = ''] = wide.split('\n');
    assert.match(
      headings,
      / {3}LAST CHANGE +MODE +DELIVERY +ENTRY +TRIVY SECRET +FAILING +MIGRATIONS +AGE +MESSAGE$/,
    );
    assert.match(first, / {3}Observe +Direct +reg\.example +icb-1 +1 +4 +12d +Ready, she said\.$/);
    assert.match(
      second,
      / {3}- +Enforce +- +- +- +0 +0 +<unknown> +No controller has reported on this binding yet/,
    );
  });

  it('has no headings on request', () => {
    const entry = auditEntry({
      metadata: { namespace: 'shop', name: 'app', generation: 2 },
      spec: { image: 'reg.example/app', imagePullSecrets: [] },
    });
    const outputs = [
      asTable([entry.row], false),
      asWide([entry], { headers: false, now: 0 }),
      asCsv([entry.row], false),
    ];
    for (const output of outputs) assert.match(output, /^shop[ ,]+app[^\n]*\r?\n$/);
    assert.equal(asTable([], false), '');
  });

  it('is JSON', () => {
    assert.deepEqual(JSON.parse(asJson([row(FULL)])), [row(FULL)]);
    assert.equal(asJson([]), '[]\n');
  });

  it('is CSV with a cell for each column name', () => {
    const [names = '', first = '', second = '', ...rest] = asCsv([row(FULL), row()]).split('\r\n');
    assert.deepEqual(rest, ['']);
    assert.equal(
      names,
      'namespace,name,image,platform,secret,delivery,ready,reason,message,verified,verifiedReason,verifiedTime,expires,' +
        'scansMatched,scansBound,scansFailing,lastChangeTime,lastChangeReason,lastChangeFromImage,' +
        'lastChangeFromSecret,lastChangeToImage,lastChangeToSecret,scansUnreadable,scansBoundAtCreation,temporarySecrets',
    );
    assert.equal(
      first,
      'shop,app,reg.example/app,Google,pull,Direct,True,Ready,"Ready, she said.",True,Accepted,2026-02-01T00:00:00Z,' +
        '2026-03-01T00:00:00Z,3,2,1,2026-01-15T00:00:00Z,PlatformSwitched,old.example/app,ecr,reg.example/app,pull,0,0,',
    );
    assert.match(
      second,
      /^shop,app,reg\.example\/app,,,,Unknown,NotReconciled,.+,Unknown,,,,0,0,0,,,,,,,0,0,$/,
    );
  });
});

describe('the age of a binding', () => {
  const now = Date.parse('2026-01-13T00:00:00Z');
  const cases = [
    ['2026-01-13T00:00:05Z', '0s'],
    ['2026-01-12T23:58:30Z', '90s'],
    ['2026-01-12T23:58:00Z', '2m'],
    ['2026-01-12T22:00:01Z', '119m'],
    ['2026-01-11T00:00:01Z', '47h'],
    ['2026-01-11T00:00:00Z', '2d'],
    ['2024-01-13T00:00:00Z', '731d'],
    ['soon', '<unknown>'],
    [null, '<unknown>'],
  ] as const;
  for (const [time, age] of cases) it(`is ${age} for ${time}`, () => assert.equal(ageOf(time, now), age));
});

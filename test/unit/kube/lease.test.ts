import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  jittered,
  LeaseObservation,
  leaseRecord,
  microTime,
  newIdentity,
  podOfIdentity,
  specOf,
  timingsProblem,
} from '../../../src/kube/leader-election/lease.ts';

const OWN_MS = 15_000;

describe('the identity of a process', () => {
  const pod = { name: 'image-credential-binding-5d4f-abcde', uid: '8f14e45f-ceea-467f-9a5b-3c1b2d6e7f80' };

  it('is unique, and contains its pod', () => {
    const identities = Array.from({ length: 100 }, () => newIdentity(pod));
    assert.equal(new Set(identities).size, 100);
    for (const identity of identities) assert.deepEqual(podOfIdentity(identity), pod);
  });

  it('contains no pod if the process runs elsewhere, or if another program wrote it', () => {
    const uuid = pod.uid;
    const others = ['', 'me', 'me_you_them', `laptop_${uuid}`, `${uuid}_${uuid}`, `a/b_${uuid}_${uuid}`];
    for (const identity of [...others, `x_${uuid}_${uuid}_${uuid}`, newIdentity(undefined)])
      assert.equal(podOfIdentity(identity), undefined, identity);
  });
});

describe('the timings of leader election', () => {
  const cases: readonly {
    readonly seconds: readonly [number, number, number];
    readonly problem: RegExp | undefined;
  }[] = [
    { seconds: [15, 10, 2], problem: undefined },
    { seconds: [1, 0.9, 0.5], problem: undefined },
    { seconds: [0.5, 0.4, 0.1], problem: /whole seconds.*found 0\.5s$/ },
    { seconds: [1.5, 1, 0.2], problem: /whole seconds.*found 1\.5s$/ },
    { seconds: [10, 10, 2], problem: /longer than the renew deadline.*found 10s and 10s$/ },
    {
      seconds: [15, 2.4, 2],
      problem: /longer than 1\.2 times the retry period.*found 2\.4s and 2s$/,
    },
    { seconds: [15, 10, 0], problem: /retry period/ },
  ];
  for (const { seconds, problem } of cases) {
    it(`${problem === undefined ? 'are accepted' : 'are refused'}: ${seconds.join(' / ')} s`, () => {
      const [leaseDurationMs, renewDeadlineMs, retryPeriodMs] = seconds.map((one) => one * 1000) as [
        number,
        number,
        number,
      ];
      const found = timingsProblem({ leaseDurationMs, renewDeadlineMs, retryPeriodMs });
      if (problem === undefined) assert.equal(found, undefined);
      else assert.match(found ?? '', problem);
    });
  }

  it('get a jitter of up to 1.2 times the retry period', () => {
    for (let count = 0; count < 1000; count += 1) {
      const found = jittered(1000);
      assert.ok(found >= 1000 && found <= 2200);
    }
  });
});

describe('a Lease', () => {
  it('has times with microseconds', () => {
    assert.equal(microTime(new Date(0)), '1970-01-01T00:00:00.000000Z');
  });

  it('may lack any field', () => {
    const empty = { holder: undefined, durationMs: undefined, acquireTime: undefined, transitions: 0 };
    assert.deepEqual(leaseRecord(undefined), empty);
    assert.deepEqual(leaseRecord({}), empty);
    assert.deepEqual(leaseRecord({ holderIdentity: '' }), empty);
    assert.deepEqual(
      leaseRecord({ holderIdentity: 'a', leaseDurationSeconds: 3, acquireTime: 't', leaseTransitions: 7 }),
      {
        holder: 'a',
        durationMs: 3000,
        acquireTime: 't',
        transitions: 7,
      },
    );
  });
});

describe('the observation of a Lease', () => {
  const seen = (version: number, spec: object) => ({ resourceVersion: String(version), spec });
  const held = { holderIdentity: 'other', leaseDurationSeconds: 3, renewTime: 'one' };

  it('has the identity of the holder', () => {
    const observation = new LeaseObservation('own', OWN_MS);
    assert.equal(observation.holder, undefined);
    const lease = { metadata: { name: 'lease' }, spec: held };
    observation.note({ resourceVersion: '1', spec: specOf(lease) }, 0);
    assert.equal(observation.holder, 'other');
    observation.note({ resourceVersion: '2', spec: specOf({ metadata: { name: 'lease' } }) }, 0);
    assert.equal(observation.holder, undefined);
  });

  const cases: readonly {
    readonly name: string;
    readonly notes: readonly (readonly [at: number, version: number, spec: object])[];
    readonly now: number;
    readonly wait: number;
  }[] = [
    { name: 'nothing is known', notes: [], now: 0, wait: 0 },
    { name: 'another process holds it', notes: [[100, 1, held]], now: 200, wait: 2900 },
    { name: 'it was not renewed for its duration', notes: [[100, 1, held]], now: 3100, wait: 0 },
    {
      name: 'it was renewed',
      notes: [
        [100, 1, held],
        [2100, 2, { ...held, renewTime: 'two' }],
      ],
      now: 3100,
      wait: 2000,
    },
    {
      name: 'another client labeled it, which is not a renewal',
      notes: [
        [100, 1, held],
        [2100, 2, held],
      ],
      now: 3000,
      wait: 100,
    },
    {
      name: 'an older version arrives late',
      notes: [
        [100, 10, held],
        [200, 9, {}],
      ],
      now: 200,
      wait: 2900,
    },
    {
      name: 'it was released',
      notes: [
        [100, 1, held],
        [200, 2, { ...held, holderIdentity: '' }],
      ],
      now: 200,
      wait: 0,
    },
    {
      name: 'this process holds it',
      notes: [[100, 1, { ...held, holderIdentity: 'me' }]],
      now: 100,
      wait: 0,
    },
    { name: 'it has no duration', notes: [[100, 1, { holderIdentity: 'other' }]], now: 100, wait: OWN_MS },
    {
      name: 'its times come from another clock',
      notes: [[100, 1, { ...held, renewTime: '1999-01-01T00:00:00.000000Z' }]],
      now: 100,
      wait: 3000,
    },
  ];
  it('is reset only if a read returns an older version than was known before the read', () => {
    const observation = new LeaseObservation('me', OWN_MS);
    assert.equal(observation.version, undefined);
    observation.note(seen(10, held), 0);
    // The release was observed during the read.
    const known = observation.version;
    observation.note(seen(12, { holderIdentity: '' }), 100);
    observation.noteRead(seen(11, held), known, 200);
    assert.deepEqual([observation.version, observation.holder], ['12', undefined]);
    observation.noteRead(seen(7, held), observation.version, 300);
    assert.deepEqual([observation.version, observation.waitAt(300)], ['7', 3000]);
    observation.note(seen(8, { ...held, renewTime: 'two' }), 1300);
    assert.equal(observation.waitAt(1300), 3000);
  });

  for (const { name, notes, now, wait } of cases) {
    it(`returns how long to wait if ${name}`, () => {
      const observation = new LeaseObservation('me', OWN_MS);
      for (const [at, version, spec] of notes) observation.note(seen(version, spec), at);
      assert.equal(observation.waitAt(now), wait);
    });
  }
});

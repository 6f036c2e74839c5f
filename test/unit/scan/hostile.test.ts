/** A user who may write a ScheduledScan may write anything into it. That must affect only this ScheduledScan. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideRun } from '../../../src/controllers/run/decide.ts';
import type { ScanDelivery } from '../../../src/scan/scan-delivery.ts';
import { waitBeforeWrite } from '../../../src/scan/schedule.ts';
import {
  editScheduledScan,
  isDone,
  type RawScheduledScan,
  readScheduledScan,
  type ScanEdit,
} from '../../../src/scan/scheduled-scan.ts';

const NOTE = 'image-credential-binding/restore';
const BINDING = 'credentials.securecodebox.io/binding';
const RUN = 'credentials.securecodebox.io/run';
const NOW = Date.UTC(2026, 5, 1, 12);
const DELIVERY: ScanDelivery = {
  secretName: 'trivy-pull-0123456789',
  mountPath: '/creds',
  env: [{ name: 'DOCKER_CONFIG', value: '/creds' }],
};
const EXTRACTION = {
  name: 'secret-extraction-to-env',
  args: ['reg.example/app:1', 'temporary-secret-app'],
  volumeMounts: [{ name: 'pull-volume', mountPath: '/secrets' }],
};
const SECRET_VOLUME = { name: 'pull-volume', secret: { secretName: 'pull' } };
/** An annotation as the controller writes it, with every field set. */
const WHOLE = {
  delivery: DELIVERY,
  added: ['env', 'volumes', 'volumeMounts'],
  removed: {
    initContainers: [{ index: 0, entry: EXTRACTION }],
    volumes: [{ index: 0, entry: SECRET_VOLUME }],
  },
  bindingUid: 'uid-app',
  repository: 'reg.example/app',
  imageText: 'old.example/app:1',
  migrated: { from: 'old.example/app', source: 'pull', number: 3 },
};

interface Parts {
  readonly note?: string;
  readonly metadata?: object;
  readonly spec?: object;
  readonly scanSpec?: object;
  readonly status?: object;
}

function scan({ note, metadata, spec, scanSpec, status = {} }: Parts): RawScheduledScan {
  const annotations = note === undefined ? {} : { [BINDING]: 'app', [NOTE]: note };
  const whole = {
    metadata: {
      namespace: 'ns',
      name: 'scan',
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations,
      ...metadata,
    },
    spec: {
      interval: '1h',
      ...spec,
      scanSpec: { scanType: 'trivy-image', parameters: ['reg.example/app:1'], ...scanSpec },
    },
    status,
  };
  // Tests write values that the type does not allow.
  return whole as RawScheduledScan;
}

function unbind(raw: RawScheduledScan): RawScheduledScan['spec']['scanSpec'] {
  const result = editScheduledScan(raw, { edit: 'Unbind' });
  return result.result === 'Changed' ? result.scan.spec.scanSpec : assert.fail(result.result);
}

const bind: ScanEdit = { edit: 'Bind', binding: 'app', delivery: DELIVERY };

describe('the restore annotation', () => {
  const changed = (path: readonly string[], value: unknown): object => {
    const copy: Record<string, unknown> = structuredClone(WHOLE);
    let place: Record<string, unknown> = copy;
    for (const key of path.slice(0, -1)) place = place[key] as Record<string, unknown>;
    place[path.at(-1) ?? ''] = value;
    return copy;
  };
  const read = (note: object) => readScheduledScan(scan({ note: JSON.stringify(note) })).bound;

  it('is read as the controller writes it', () => {
    const { migrated, delivery, bindingUid, repository } = read(WHOLE) ?? {};
    assert.deepEqual(
      { migrated, delivery, bindingUid, repository },
      {
        ...{
          migrated: WHOLE.migrated,
          delivery: DELIVERY,
          bindingUid: 'uid-app',
          repository: 'reg.example/app',
        },
      },
    );
    const { initContainers, volumes } = unbind(scan({ note: JSON.stringify(WHOLE) }));
    assert.deepEqual({ initContainers, volumes }, { initContainers: [EXTRACTION], volumes: [SECRET_VOLUME] });
  });

  const entry = (part: object) => [{ index: 0, entry: part }];
  const long = 'a'.repeat(2_000);
  const cases: readonly (readonly [name: string, path: readonly string[], value: unknown])[] = [
    [
      'an init container of another name',
      ['removed', 'initContainers'],
      entry({ ...EXTRACTION, name: 'miner' }),
    ],
    ['arguments that are not a list', ['removed', 'initContainers'], entry({ ...EXTRACTION, args: 'sh' })],
    [
      'mounts that are not a list',
      ['removed', 'initContainers'],
      entry({ ...EXTRACTION, volumeMounts: 'pull-volume' }),
    ],
    [
      'an init container of 40,000 characters',
      ['removed', 'initContainers'],
      entry({ ...EXTRACTION, image: 'a'.repeat(40_000) }),
    ],
    ['a volume of the host', ['removed', 'volumes'], entry({ name: 'pull-volume', hostPath: { path: '/' } })],
    [
      'a Secret volume with another source',
      ['removed', 'volumes'],
      entry({ ...SECRET_VOLUME, hostPath: { path: '/' } }),
    ],
    [
      'a Secret volume that nothing mounts',
      ['removed', 'volumes'],
      entry({ ...SECRET_VOLUME, name: 'other' }),
    ],
    ['a volume before the first', ['removed', 'volumes'], [{ index: -1, entry: SECRET_VOLUME }]],
    ['a list that the controller does not change', ['added'], ['initContainers']],
    ['added lists that are not a list', ['added'], 'env'],
    ['a Secret of another owner', ['delivery', 'secretName'], 'database-password'],
    ['an invalid Secret name', ['delivery', 'secretName'], 'trivy-../x'],
    ['a mount path that is not absolute', ['delivery', 'mountPath'], 'etc'],
    ['a mount path of 2,000 characters', ['delivery', 'mountPath'], `/${long}`],
    ['a variable whose value is not a string', ['delivery', 'env'], [{ name: 'A', value: { a: 1 } }]],
    ['a variable with an invalid name', ['delivery', 'env'], [{ name: 'A=B', value: '' }]],
    ['a variable with 2,000 characters', ['delivery', 'env'], [{ name: 'A', value: long }]],
    [
      '33 variables',
      ['delivery', 'env'],
      Array.from({ length: 33 }, (_, i) => ({ name: `A${i}`, value: '' })),
    ],
    ['a UID that is not a string', ['bindingUid'], 7],
    ['a UID of 2,000 characters', ['bindingUid'], long],
    ['a repository that is not a string', ['repository'], { toString: 'x' }],
    ['a repository with a tag', ['repository'], 'reg.example/app:1'],
    ['an image text that is not a string', ['imageText'], 7],
    ['an image text that is a flag', ['imageText'], '--output=/etc/passwd'],
    ['an image text of 2,000 characters', ['imageText'], long],
    ['a migration from an invalid repository', ['migrated', 'from'], '-'],
    ['a migration with the number 0', ['migrated', 'number'], 0],
    ['a migration with a fractional number', ['migrated', 'number'], 1.5],
    ['a migration with a number that is too large', ['migrated', 'number'], 1e308],
    ['a migration with a string as its number', ['migrated', 'number'], '1'],
    ['a pull secret of 2,000 characters', ['migrated', 'source'], long],
  ];
  const droppable = new Set(['removed', 'migrated']);
  for (const [name, path, value] of cases.filter(([, [field = '']]) => droppable.has(field))) {
    it(`is accepted without the invalid part if it has ${name}`, () => {
      const note = changed(path, value);
      const { migrated, delivery, bindingUid, repository } = read(note) ?? {};
      const [field] = path;
      assert.deepEqual(
        { migrated, delivery, bindingUid, repository },
        {
          migrated: field === 'migrated' ? undefined : WHOLE.migrated,
          ...{ delivery: DELIVERY, bindingUid: 'uid-app', repository: 'reg.example/app' },
        },
      );
      const { initContainers, volumes } = unbind(scan({ note: JSON.stringify(note) }));
      const removed =
        field === 'removed'
          ? { initContainers: undefined, volumes: undefined }
          : { initContainers: [EXTRACTION], volumes: [SECRET_VOLUME] };
      assert.deepEqual({ initContainers, volumes }, removed);
    });
  }

  it('of version 0.1.0, which has the time of a migration, still reverts the scan', () => {
    const migrated = { from: 'old.example/app', source: 'pull', at: '2026-11-27T10:00:00Z' };
    const note = JSON.stringify({ ...WHOLE, migrated });
    assert.equal(readScheduledScan(scan({ note })).bound?.migrated, undefined);
    assert.deepEqual(unbind(scan({ note })), unbind(scan({ note: JSON.stringify(WHOLE) })));
    const { initContainers } = unbind(scan({ note }));
    assert.deepEqual(initContainers, [EXTRACTION]);
  });

  for (const [name, path, value] of cases.filter(([, [field = '']]) => !droppable.has(field))) {
    it(`is ignored if it has ${name}`, () => {
      const note = changed(path, value);
      assert.deepEqual(read(note), {
        binding: 'app',
        ...{ bindingUid: undefined, delivery: undefined, repository: undefined, migrated: undefined },
        intact: false,
      });
      const spec = unbind(scan({ note: JSON.stringify(note) }));
      assert.deepEqual(spec, { scanType: 'trivy-image', parameters: ['reg.example/app:1'] });
      assert.equal(editScheduledScan(scan({ note: JSON.stringify(note) }), bind).result, 'Changed');
    });
  }

  it('is ignored without parsing if it has more than 64 KiB', () => {
    const note = `${JSON.stringify(WHOLE)}${' '.repeat(65_536)}`;
    assert.equal(readScheduledScan(scan({ note })).bound?.delivery, undefined);
  });

  it('is reduced to the known fields', () => {
    const note = {
      ...WHOLE,
      ballast: 'a'.repeat(30_000),
      delivery: { ...DELIVERY, ballast: 'a'.repeat(30_000) },
    };
    assert.ok(JSON.stringify(readScheduledScan(scan({ note: JSON.stringify(note) }))).length < 2_000);
  });

  it('is ignored if it has a container that is nested too deeply for the call stack', () => {
    const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const note = JSON.stringify(
      changed(['removed', 'initContainers'], entry({ ...EXTRACTION, env: 'NESTED' })),
    );
    const raw = scan({ note: note.replace('"NESTED"', nested) });
    assert.equal(readScheduledScan(raw).bound?.intact, false);
    assert.deepEqual(unbind(raw), { scanType: 'trivy-image', parameters: ['reg.example/app:1'] });
  });
});

describe('the projection of a ScheduledScan', () => {
  const labels = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`label-${i}`, '']));

  it('is bounded, and the reason for a larger scan says what is wrong', () => {
    const most = scan({
      metadata: { labels: labels(64) },
      spec: { interval: 'h'.repeat(256), schedule: '*'.repeat(256) },
      scanSpec: { scanType: 'a'.repeat(253) },
    });
    assert.equal(readScheduledScan(most).unreadable, undefined);
    const cases: readonly (readonly [Parts, RegExp])[] = [
      [{ metadata: { labels: labels(65) } }, /labels.*at most 64, found 65; remove some/],
      [{ scanSpec: { scanType: 'a'.repeat(254) } }, /scanType.*at most 253 characters, found 254; shorten/],
      [{ spec: { schedule: '*'.repeat(300_000) } }, /schedule.*at most 256 characters, found 300000/],
      [{ spec: { interval: '1h'.repeat(150_000) } }, /interval.*at most 256 characters, found 300000/],
    ];
    for (const [parts, message] of cases) {
      const read = readScheduledScan(scan(parts));
      assert.match(read.unreadable ?? '', message);
      assert.ok(JSON.stringify(read).length < 1_000);
    }
  });

  it('is bounded, whatever its parameters and variables contain', () => {
    const parameters = Array.from(
      { length: 20_000 },
      (_, index) => `reg.example/${'a'.repeat(200)}/app-${index}`,
    );
    const env = Array.from({ length: 20_000 }, (_, index) => ({ name: `AWS_${index}`, value: 'x' }));
    const read = readScheduledScan(scan({ scanSpec: { parameters, env } }));
    assert.match(
      read.imageProblem ?? '',
      /^has no readable image: expected one argument, the image, found 20000/,
    );
    assert.deepEqual([read.mentions.length, read.ownLogins.variables.length], [8, 32]);
    assert.ok(JSON.stringify(read).length < 8_000);
    const long = readScheduledScan(
      scan({ scanSpec: { parameters: [`reg.example/${'\u00e9'.repeat(500_000)}`] } }),
    );
    assert.ok(JSON.stringify(long).length < 4_000);
  });

  it('has no binding with an invalid name', () => {
    const annotations = { [BINDING]: 'a'.repeat(100_000), [RUN]: 'Migrated '.repeat(10_000) };
    const { bound, request } = readScheduledScan(scan({ metadata: { annotations } }));
    assert.deepEqual([bound?.binding, request], ['', undefined]);
  });

  it('has no invalid time', () => {
    for (const time of [
      '',
      'soon',
      '2026-99-01T00:00:00Z',
      '+275760-09-13T00:00:00Z',
      '2026-06-01t12:00:00z',
    ]) {
      const raw = scan({
        metadata: {
          creationTimestamp: time,
          managedFields: [{ time }, {}, { time: '2026-06-01T12:00:00Z' }],
        },
        status: { lastScheduleTime: time },
      });
      const { createdAt, changedAt, lastRunAt } = readScheduledScan(raw).schedule;
      assert.deepEqual([createdAt, changedAt, lastRunAt], [0, NOW, undefined], time);
    }
  });

  it('can be read with any number of managed fields', () => {
    const managedFields = Array.from({ length: 300_000 }, () => ({ time: '2026-06-01T12:00:00Z' }));
    assert.equal(readScheduledScan(scan({ metadata: { managedFields } })).schedule.changedAt, NOW);
  });
});

describe('the work on a ScheduledScan', () => {
  /** Number of reads of entries of the scan. */
  function reads(count: number): number {
    let seen = 0;
    const entries = Array.from({ length: count }, (_, index) => ({
      get name() {
        seen += 1;
        return `E${index}`;
      },
      value: '',
    }));
    const env = Array.from({ length: 32 }, (_, index) => ({ name: `OURS${index}`, value: '' }));
    const note = JSON.stringify({ ...WHOLE, delivery: { ...DELIVERY, env } });
    editScheduledScan(scan({ note, scanSpec: { env: entries } }), bind);
    return seen;
  }

  it('grows linearly with its environment, whatever its annotation contains', () => {
    const [once, twice] = [reads(1_000), reads(2_000)];
    assert.ok(once <= 10 * 1_000 && twice <= 2.1 * once, `${once} and ${twice}`);
  });
});

describe('a ScheduledScan with random content', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom(
      'trivy-pull-0123456789',
      '/creds',
      'reg.example/app',
      '2026-06-01T11:00:00Z',
      '1e400',
      '__proto__',
    ),
  );
  const json = fc.oneof(fc.jsonValue(), fc.constantFrom(1e308, -0, null, [], {}));
  const placed = fc.array(
    fc.record({ index: fc.integer(), entry: fc.oneof(fc.constantFrom(EXTRACTION, SECRET_VOLUME), json) }),
    { maxLength: 3 },
  );
  const delivery = fc.record({
    secretName: fc.oneof(text, json),
    mountPath: fc.oneof(text, json),
    env: fc.oneof(fc.array(fc.record({ name: text, value: fc.oneof(text, json) }), { maxLength: 3 }), json),
  });
  const note = fc.oneof(
    text,
    fc.json(),
    fc.constantFrom('{"added":[],"migrated":{"at":1e400}}', '{"__proto__":{"added":[]}}', '[['.repeat(9_000)),
    fc
      .record(
        {
          added: fc.oneof(fc.constant([]), fc.constant(['env']), json),
          delivery: fc.oneof(fc.constant(DELIVERY), delivery, json),
          removed: fc.oneof(fc.record({ initContainers: placed, volumes: placed }), json),
          bindingUid: fc.oneof(text, json),
          repository: fc.oneof(text, json),
          imageText: fc.oneof(text, json),
          migrated: fc.oneof(
            fc.record({ from: text, source: fc.oneof(text, json), at: fc.oneof(text, json) }),
            json,
          ),
        },
        { requiredKeys: ['added'] },
      )
      .map((value) => JSON.stringify(value)),
  );
  const env = fc.record({ name: text, value: text, valueFrom: fc.object() }, { requiredKeys: ['name'] });
  const volume = fc.record(
    {
      name: fc.constantFrom('pull-volume', 'image-credential-binding'),
      secret: fc.object(),
      hostPath: fc.object(),
    },
    { requiredKeys: ['name'] },
  );
  const scanSpec = fc.record(
    {
      parameters: fc.array(fc.oneof(text, fc.constantFrom('--', '-', '-qqx', '--username', 'a/b@sha256:0'))),
      env: fc.array(env, { maxLength: 4 }),
      volumes: fc.array(volume, { maxLength: 4 }),
      volumeMounts: fc.array(fc.record({ name: text, mountPath: text }), { maxLength: 4 }),
      initContainers: fc.array(fc.oneof(fc.constant(EXTRACTION), fc.record({ name: text })), {
        maxLength: 3,
      }),
    },
    { requiredKeys: [] },
  );
  const spec = fc.record(
    { interval: text, schedule: fc.oneof(text, fc.constant('TZ=Nowhere 0 0 * * *')), suspend: fc.boolean() },
    { requiredKeys: [] },
  );
  const metadata = fc.record(
    {
      labels: fc.dictionary(text, text),
      creationTimestamp: text,
      managedFields: fc.array(fc.record({ time: text }, { requiredKeys: [] })),
    },
    { requiredKeys: [] },
  );

  it('is read, decided on, bound and unbound, and then needs no further write', () => {
    fc.assert(
      fc.property(
        fc.record({ note, scanSpec, spec, metadata, status: fc.record({ lastScheduleTime: text }) }),
        (parts) => {
          // Objects from the API server have a prototype, and the records of fast-check have none, so clone them.
          const raw = structuredClone(scan(parts));
          const read = readScheduledScan(raw);
          const { schedule } = read;
          for (const time of [schedule.createdAt, schedule.changedAt, schedule.lastRunAt ?? 0])
            assert.ok(Number.isFinite(time));
          assert.ok(Number.isFinite(waitBeforeWrite(schedule, NOW)));
          assert.ok(
            decideRun({ ...read, request: { cause: 'Migrated', at: NOW } }, [], { now: NOW, runWaitMs: 0 })
              .run,
          );
          const bound = editScheduledScan(raw, bind);
          if (bound.result === 'Changed') assert.ok(isDone(readScheduledScan(bound.scan), bind));
          const unbound = editScheduledScan(raw, { edit: 'Unbind' });
          if (unbound.result === 'Changed')
            assert.ok(isDone(readScheduledScan(unbound.scan), { edit: 'Unbind' }));
        },
      ),
      { numRuns: 500 },
    );
  });
});

import { BINDING_ANNOTATION, imageCredentialBindings, RUN_ANNOTATION } from '../../../../src/api/index.ts';
import { SCANS } from '../../../../src/object/resources.ts';
import { RESTORE_ANNOTATION } from '../../../../src/scan/restore.ts';
import { formatRunRequest } from '../../../../src/scan/run-request.ts';
import { type Attack, binding, type Hostile, SCHEDULED_SCANS, scheduledScan } from '../hostile.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** In hours. Adding a second does not change a float as large as the first. Only the last is a valid Go duration. */
const INTERVALS_H = [1e18, 1e14, 1e11, 2_500_000];

/** Aims at the search for an unused name of a Scan, which steps by seconds, and at times that `Date` cannot express. */
export const hugeIntervals: Attack = {
  name: 'huge-intervals',
  about:
    'ScheduledScans with intervals up to 1000000000000000000h, a run request and a Scan of the computed name',
  async begin(hostile) {
    await hostile.createOne(imageCredentialBindings, binding('interval', { image: 'interval.example/app' }));
    for (const [index, hours] of INTERVALS_H.entries())
      await createInterval(hostile, `interval-${index}`, hours);
  },
};

async function createInterval(hostile: Hostile, name: string, hours: number): Promise<void> {
  const now = Date.now();
  const image = 'interval.example/app:1';
  const metadata = { annotations: { [RUN_ANNOTATION]: requestFor(now) } };
  const spec = { interval: `${BigInt(hours)}h` };
  const { metadata: made } = await hostile.createOne(
    SCHEDULED_SCANS,
    scheduledScan(name, image, { metadata, spec }),
  );
  const scan = `${name}-${Math.floor(plannedAt(now, hours * HOUR_MS) / 1_000)}`;
  const owner = {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'ScheduledScan',
    name,
    uid: made.uid ?? '',
  };
  await hostile.createOne(SCANS, {
    metadata: { name: scan, ownerReferences: [owner] },
    spec: { scanType: 'trivy-image', parameters: [image] },
  });
  await hostile.patchStatus(SCANS, scan, { state: 'Errored' });
  await hostile.patchStatus(SCHEDULED_SCANS, name, {
    lastScheduleTime: new Date(now - HOUR_MS).toISOString(),
  });
}

/** When a run that starts now would have been planned. secureCodeBox names the Scan after it. */
function plannedAt(now: number, periodMs: number): number {
  return Math.floor((now - DAY_MS - periodMs) / 1_000) * 1_000 + periodMs;
}

function requestFor(now: number): string {
  return formatRunRequest({ cause: 'Migrated', at: Math.floor(now / 1_000) * 1_000 - 60_000 });
}

/**
 * Aims at the report of migrations: each of these migrations has a later time than the last report. Reporting 900 of them takes
 * more than a second, and times in status have whole seconds, so each report changes the status.
 */
export const futureMigrations: Attack = {
  name: 'future-migrations',
  about: '900 ScheduledScans with a forged restore annotation: the next migration, made in the year 2999',
  async begin(hostile) {
    const image = 'migrated.example/app';
    const { metadata } = await hostile.createOne(imageCredentialBindings, binding('migrated', { image }));
    const scans = hostile.count(900).map((index) => {
      const migrated = { from: `migrated-${index}.example/app`, number: 1, at: '2999-01-01T00:00:00Z' };
      const restore = { added: [], bindingUid: metadata.uid, repository: image, migrated };
      const annotations = { [BINDING_ANNOTATION]: 'migrated', [RESTORE_ANNOTATION]: JSON.stringify(restore) };
      return scheduledScan(`migrated-${index}`, `${image}:1`, { metadata: { annotations } });
    });
    await hostile.create(SCHEDULED_SCANS, scans);
  },
};

/** Aims at errors: the next run cannot be computed in a time zone that Node does not know. */
export const unknownZone: Attack = {
  name: 'unknown-zone',
  about: 'a ScheduledScan with the schedule "TZ=Nowhere 0 0 * * *" next to others of one binding',
  async begin(hostile) {
    const image = 'zone.example/app';
    const schedules = ['TZ=Nowhere 0 0 * * *', 'TZ=Local 0 0 * * *', '0 0 1 1 *'];
    const scans = schedules.map((schedule, index) =>
      scheduledScan(`zone-${index}`, `${image}:1`, { spec: { schedule } }),
    );
    await hostile.create(SCHEDULED_SCANS, scans);
    await hostile.createOne(imageCredentialBindings, binding('zone', { image }));
  },
};

const RUNS_EACH = 100;

/** Aims at the limit of runs per minute: the backlog takes half an hour. */
export const runRequests: Attack = {
  name: 'run-requests',
  about: '2,000 run requests',
  async begin(hostile) {
    const request = requestFor(Date.now());
    const numbers = hostile.count(2_000);
    const repository = (index: number) => `runs.example/app-${Math.floor(index / RUNS_EACH)}`;
    const images = [...new Set(numbers.map(repository))];
    const bindings = images.map((image, index) => binding(`runs-${index}`, { image }));
    await hostile.create(imageCredentialBindings, bindings);
    const scans = numbers.map((index) => {
      const annotations = { [RUN_ANNOTATION]: request };
      return scheduledScan(`runs-${index}`, `${repository(index)}:1`, { metadata: { annotations } });
    });
    await hostile.create(SCHEDULED_SCANS, scans);
  },
};

/** Aims at the entries that the controller restores when it unbinds a ScheduledScan. */
export const forgedRestore: Attack = {
  name: 'forged-restore',
  about: 'a restore annotation with an init container that the controller never removed',
  async begin(hostile) {
    const image = 'forged.example/app';
    const { metadata } = await hostile.createOne(imageCredentialBindings, binding('forged', { image }));
    const entry = { name: 'forged', image: 'forged.example/tool', command: ['sh'] };
    const removed = { initContainers: [{ index: 0, entry }], volumes: [] };
    const restore = { added: [], bindingUid: metadata.uid, repository: image, removed };
    const annotations = { [BINDING_ANNOTATION]: 'gone', [RESTORE_ANNOTATION]: JSON.stringify(restore) };
    await hostile.createOne(
      SCHEDULED_SCANS,
      scheduledScan('forged', 'elsewhere.example/app:1', { metadata: { annotations } }),
    );
  },
};

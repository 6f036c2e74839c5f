/** What secureCodeBox's operator makes of a ScheduledScan: when it runs and which Scan it gets. No I/O, no clock. */
import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { apiVersionOf } from '../../../src/object/index.ts';
import {
  SCANS,
  SCHEDULED_SCANS,
  type Scan,
  type ScanType,
  type ScheduledScan,
  timestamp,
} from './objects.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const COPIED_ANNOTATION = /securecodebox\.io\//;

/**
 * When the next run is planned; times are milliseconds since the epoch. A `schedule` comes before an `interval`; an
 * interval without a run so far is planned for a second ago. Undefined: it has neither, or none that can be read.
 */
export function plannedRun(scheduledScan: ScheduledScan, now: number): number | undefined {
  const { schedule, interval } = scheduledScan.spec;
  const last = scheduledScan.status?.lastScheduleTime;
  if (schedule) {
    const earliest = Date.parse(last ?? scheduledScan.metadata.creationTimestamp ?? '');
    return tickAfter(schedule, Math.min(earliest, now));
  }
  const milliseconds = goDuration(interval ?? '');
  if (milliseconds === undefined || milliseconds <= 0) return undefined;
  return last === undefined ? now - SECOND_MS : Date.parse(last) + milliseconds;
}

function tickAfter(schedule: string, after: number): number | undefined {
  const every = /^@every (?<duration>.+)$/.exec(schedule)?.groups?.['duration'];
  if (every !== undefined) {
    const milliseconds = goDuration(every);
    return milliseconds === undefined ? undefined : after + milliseconds;
  }
  try {
    return new Cron(schedule, { timezone: 'UTC', mode: '5-part' }).nextRun(new Date(after))?.getTime();
  } catch {
    return undefined;
  }
}

/** Apart from the one in `src` on purpose: what the tests measure against should not share its mistakes. */
function goDuration(text: string): number | undefined {
  const units: Record<string, number> = { ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };
  let milliseconds = 0;
  const rest = text.replace(
    /(?<amount>\d+(?:\.\d+)?)(?<unit>ms|s|m|h)/g,
    (_, amount: string, unit: string) => {
      milliseconds += Number(amount) * (units[unit] ?? 0);
      return '';
    },
  );
  return text !== '' && rest === '' ? milliseconds : undefined;
}

/** The Scan for a run that was planned for a time (milliseconds since the epoch). */
export function scanFor(scheduledScan: ScheduledScan, planned: number): Scan {
  const { name, namespace, uid = '', labels, annotations = {} } = scheduledScan.metadata;
  return {
    apiVersion: apiVersionOf(SCANS),
    kind: SCANS.kind,
    metadata: {
      name: `${name}-${Math.floor(planned / SECOND_MS)}`,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      annotations: copiedAnnotations(annotations),
      ownerReferences: [
        {
          apiVersion: apiVersionOf(SCHEDULED_SCANS),
          kind: SCHEDULED_SCANS.kind,
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: scheduledScan.spec.scanSpec,
  };
}

function copiedAnnotations(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => COPIED_ANNOTATION.test(key)));
}

/**
 * The `lastScheduleTime` that starts a run now, as `scbctl trigger` and a changed ScanType write it: an interval and
 * a day ago.
 */
export function triggerTime({ spec }: ScheduledScan, now: number): string {
  return timestamp(now - (goDuration(spec.interval ?? '') ?? 0) - DAY_MS);
}

/** What tells whether a ScanType changed: a number of 64 bits, in decimal. Another number than the real one's. */
export function scanTypeHash({ metadata, spec }: ScanType): string {
  const { name, namespace = '', labels = {}, annotations = {} } = metadata;
  const hashed = [name, namespace, copiedAnnotations(labels), copiedAnnotations(annotations), spec];
  return createHash('sha256').update(JSON.stringify(hashed)).digest().readBigUInt64BE().toString();
}

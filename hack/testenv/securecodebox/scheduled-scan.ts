/** The rules of secureCodeBox's operator: when a ScheduledScan runs, and which Scan it gets. No I/O, no clock. */
import { createHash } from 'node:crypto';
import { apiVersionOf } from '../../../src/object/index.ts';
import { parseCron, tickAfter } from '../../../src/scan/index.ts';
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
 * The time of the next run, in milliseconds since the epoch. A `schedule` takes precedence over an `interval`. The first run
 * of an interval is planned for one second ago. Undefined: there is no valid schedule or interval.
 */
export function plannedRun(scheduledScan: ScheduledScan, now: number): number | undefined {
  const { schedule, interval } = scheduledScan.spec;
  const last = scheduledScan.status?.lastScheduleTime;
  if (schedule) {
    const earliest = Date.parse(last ?? scheduledScan.metadata.creationTimestamp ?? '');
    // test/e2e/oracle compares this parser with the operator's.
    const parsed = parseCron(schedule);
    return parsed && tickAfter(parsed, Math.min(earliest, now));
  }
  const milliseconds = goDuration(interval ?? '');
  if (milliseconds === undefined || milliseconds <= 0) return undefined;
  return last === undefined ? now - SECOND_MS : Date.parse(last) + milliseconds;
}

/** Parses a Go duration. It does not use the parser in `src`, so that tests do not share the parser's mistakes. */
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

/**
 * The Scan of a run.
 *
 * @param planned - the time for which the run was planned, in milliseconds since the epoch
 */
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
 * The `lastScheduleTime` that starts a run now, as `scbctl trigger` and a changed ScanType write it: one interval and one
 * day ago.
 */
export function triggerTime({ spec }: ScheduledScan, now: number): string {
  return timestamp(now - (goDuration(spec.interval ?? '') ?? 0) - DAY_MS);
}

/** A hash that changes with the ScanType: a 64-bit number in decimal. It differs from the hash of the real operator. */
export function scanTypeHash({ metadata, spec }: ScanType): string {
  const { name, namespace = '', labels = {}, annotations = {} } = metadata;
  const hashed = [name, namespace, copiedAnnotations(labels), copiedAnnotations(annotations), spec];
  return createHash('sha256').update(JSON.stringify(hashed)).digest().readBigUInt64BE().toString();
}

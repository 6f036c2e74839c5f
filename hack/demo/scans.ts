import type { ScanRun } from '../testenv/index.ts';
import { NAMESPACE, type Stage } from './stage.ts';
import { Unexpected, within } from './unexpected.ts';

const SECONDS = 60;
const DAY_MS = 86_400_000;

/** Waits for the end of a run and shows it as kubectl does. */
export async function shown({ story, shell, secureCodeBox }: Stage, run: Promise<ScanRun>): Promise<ScanRun> {
  const ended = await within('the scan to end', run, {
    seconds: SECONDS,
    why: () =>
      `that it did not; secureCodeBox says: ${secureCodeBox.failure(NAMESPACE, 'payments') ?? 'nothing'}`,
  });
  await shell.show(`kubectl get scan ${ended.scan} -n ${NAMESPACE}`);
  story.say('What Trivy wrote (in a cluster, the log of the scan and its result file):');
  story.output(`\n${inShort(ended)}`);
  return ended;
}

/**
 * Starts another run as `scbctl trigger` does, and shows it.
 *
 * @param days - the time of the last run that is claimed, in days ago: another one each time, for the name of a Scan is
 *   made from it
 */
export async function runAgain(stage: Stage, days: number): Promise<ScanRun> {
  const run = stage.secureCodeBox.nextRun(NAMESPACE, 'payments');
  const lastScheduleTime = `${new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 19)}Z`;
  const patch = JSON.stringify({ status: { lastScheduleTime } });
  await stage.shell.show(
    `kubectl patch scheduledscan payments -n ${NAMESPACE} --subresource=status --type=merge -p '${patch}'`,
  );
  return shown(stage, run);
}

/**
 * Nothing where the registry refused the scan for want of a credential.
 *
 * @throws Unexpected where it did anything else
 */
export function expectRefused(run: ScanRun): void {
  const expected = 'Trivy to be refused by the registry: state Errored, with UNAUTHORIZED in the log';
  if (run.state !== 'Errored' || !run.log.includes('UNAUTHORIZED')) throw unexpectedRun(expected, run);
}

/**
 * The ID of the image that was scanned.
 *
 * @throws Unexpected where none was
 */
export function expectScanned(run: ScanRun): string {
  const id = imageIdOf(run);
  if (run.state === 'Done' && id !== undefined) return id;
  throw unexpectedRun('Trivy to scan the image: state Done, with an image ID in the results', run);
}

function unexpectedRun(expected: string, run: ScanRun): Unexpected {
  return new Unexpected(
    expected,
    `state ${run.state}, exit code ${run.exitCode}, and this:\n${inShort(run)}`,
  );
}

function inShort(run: ScanRun): string {
  const id = imageIdOf(run);
  if (id !== undefined) return `.Metadata.ImageID: ${id}`;
  // Trivy's error has its cause in its last line.
  return run.log.trim().split('\n').at(-1)?.trim() || '(nothing)';
}

function imageIdOf({ results }: ScanRun): string | undefined {
  // Trivy's report: https://trivy.dev/docs/latest/configuration/reporting/#json
  const report = results as { readonly Metadata?: { readonly ImageID?: unknown } } | undefined;
  const id = report?.Metadata?.ImageID;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

import { Unexpected, within } from '../scenario/index.ts';
import type { ScanRun } from '../testenv/index.ts';
import { NAMESPACE, type Stage } from './stage.ts';

const SECONDS = 60;
/**
 * How long ago the last run claims to be, so that another one is due. It differs from the time that the controller writes in
 * step 2, because secureCodeBox makes the name of the Scan from this time.
 */
const LAST_RUN_MS = 3 * 86_400_000;

/** Waits until a run has finished, and shows its Scan and what Trivy wrote. */
export async function showRun(
  { story, shell, secureCodeBox }: Stage,
  run: Promise<ScanRun>,
): Promise<ScanRun> {
  const finished = await within('the scan to finish', run, {
    seconds: SECONDS,
    why: () =>
      `an unfinished scan; secureCodeBox reports: ${secureCodeBox.failure(NAMESPACE, 'payments') ?? 'nothing'}`,
  });
  await shell.show(`kubectl get scan ${finished.scan} -n ${NAMESPACE}`);
  story.say('Trivy wrote this (in a cluster, it is in the log of the scan and in its result file):');
  story.output(`\n${summaryOf(finished)}`);
  return finished;
}

/** Starts another run as `scbctl trigger` does, and shows it. To be called once. */
export async function runAgain(stage: Stage): Promise<ScanRun> {
  const run = stage.secureCodeBox.nextRun(NAMESPACE, 'payments');
  const lastScheduleTime = `${new Date(Date.now() - LAST_RUN_MS).toISOString().slice(0, 19)}Z`;
  const patch = JSON.stringify({ status: { lastScheduleTime } });
  await stage.shell.show(
    `kubectl patch scheduledscan payments -n ${NAMESPACE} --subresource=status --type=merge -p '${patch}'`,
  );
  return showRun(stage, run);
}

/** @throws Unexpected unless the registry refused the scan because it had no credential */
export function expectRefused(run: ScanRun): void {
  const expected = 'Trivy to be refused by the registry: state Errored, with UNAUTHORIZED in the log';
  if (run.state !== 'Errored' || !run.log.includes('UNAUTHORIZED')) throw unexpectedRun(expected, run);
}

/**
 * Returns the ID of the image that was scanned.
 *
 * @throws Unexpected if no image was scanned
 */
export function expectScanned(run: ScanRun): string {
  const id = imageIdOf(run);
  if (run.state === 'Done' && id !== undefined) return id;
  throw unexpectedRun('Trivy to scan the image: state Done, with an image ID in the results', run);
}

function unexpectedRun(expected: string, run: ScanRun): Unexpected {
  return new Unexpected(
    expected,
    `state ${run.state}, exit code ${run.exitCode}, and this:\n${summaryOf(run)}`,
  );
}

function summaryOf(run: ScanRun): string {
  const id = imageIdOf(run);
  if (id !== undefined) return `.Metadata.ImageID: ${id}`;
  // The last line of Trivy's error contains the cause.
  return run.log.trim().split('\n').at(-1)?.trim() || '(nothing)';
}

function imageIdOf({ results }: ScanRun): string | undefined {
  // Trivy's report: https://trivy.dev/docs/latest/configuration/reporting/#json
  const report = results as { readonly Metadata?: { readonly ImageID?: unknown } } | undefined;
  const id = report?.Metadata?.ImageID;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/** `npm run demo`: shows on this machine, without a cluster, what the controller does. */
import { parseArgs } from 'node:util';
import { ProcessGroup } from '../testenv/index.ts';
import { NAMESPACE, type Stage, setUp } from './stage.ts';
import { afterDeletion, afterRotation, withBinding, withoutBinding } from './steps.ts';
import { Story } from './story.ts';
import { Unexpected } from './unexpected.ts';

const usage = `Usage: npm run demo [-- --keep]

Shows in four steps what the controller does: Trivy is refused by a registry with a password, scans
with an ImageCredentialBinding, goes on when the password changes, and the scan is as it was when
the binding is deleted. The API server, the registry, Trivy and the controller are the real ones; a
stand-in takes the part of secureCodeBox. It takes some seconds, needs no cluster, no Docker and no
internet, and leaves nothing behind. The first time, the programs are built, which needs Go and the
internet; how long that takes is said before it begins.

  --keep   end after step 3 (the password changes), with the binding in place; leave everything up
           until Ctrl-C, and say how to look at it
  --help   this text

It ends with 0 when each step ended as told (with --keep also when Ctrl-C or SIGTERM come after
that), 1 when one did not, 2 when it was called wrongly, 130 on Ctrl-C, 143 on SIGTERM.
NO_COLOR=1 switches off bold and dim letters, which are only used on a terminal.
Programs of your own instead of built ones: npm run tools -- --help.
`;

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
const story = new Story((text) => process.stdout.write(text), { colour });
let ending = false;
let kept = false;

async function main(): Promise<void> {
  const options = parseCommandLine();
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${usage}`);
    process.exitCode = 2;
  } else if (options.help) process.stdout.write(usage);
  else await run(options.keep);
}

async function run(keep: boolean): Promise<void> {
  for (const [signal, code] of Object.entries(exitCodes)) process.on(signal, () => end(kept ? 0 : code));
  // Nobody reads on.
  process.stdout.on('error', () => end(1));
  try {
    await play(keep);
  } catch (error) {
    // What fails because the end has come is no failure.
    if (ending) return;
    process.stderr.write(`\n${told(error)}\n`);
    process.exitCode = 1;
  }
}

/** Ends everything, then this process, in whatever it is about. */
function end(code: number): void {
  if (ending) return;
  ending = true;
  void ProcessGroup.stopAll().finally(() => process.exit(code));
}

async function play(keep: boolean): Promise<void> {
  story.heading('Trivy and a registry with a password');
  story.say(`Four steps, on an API server and a registry that run on this machine for as long as the demo does.
Lines that begin with $ are commands as you would type them; below them is what they wrote. Passwords
are never shown: "$PASSWORD" is a variable.`);
  story.heading('What runs');
  story.say('Starting …');
  await using stage = await setUp(story);
  const original = await step(stage, 'Step 1: without a binding, Trivy is refused', () =>
    withoutBinding(stage),
  );
  const bound = await step(stage, 'Step 2: with a binding, Trivy scans', () => withBinding(stage));
  await step(stage, 'Step 3: the password changes, and Trivy goes on scanning', () =>
    afterRotation(stage, bound),
  );
  if (keep) await stay(stage);
  await step(stage, 'Step 4: without the binding, the scan is what it was', () =>
    afterDeletion(stage, original),
  );
  story.heading('Each step ended as told.');
}

async function step<T>(stage: Stage, title: string, act: () => Promise<T>): Promise<T> {
  story.heading(title);
  try {
    return await act();
  } catch (error) {
    if (ending) throw error;
    const log = await stage.controller.process.logTail();
    throw new Error(
      `${title}\nThis step did not end as told.\n${told(error)}\n\nThe controller's log ends with:\n${log}`,
    );
  }
}

/** Does not return: a signal ends it. */
async function stay({ shell, controlPlane, controller }: Stage): Promise<never> {
  story.heading('Each step ended as told. Now it is yours.');
  story.say(`Step 4 is left out, so the binding is still there. In another terminal:

  export KUBECONFIG=${controlPlane.kubeconfig}
  export PATH="$PATH:${shell.programs}"   # a kubectl, should you have none

  kubectl get icb -n ${NAMESPACE}
  kubectl describe icb payments -n ${NAMESPACE}
  kubectl get scheduledscan payments -n ${NAMESPACE} -o yaml
  kubectl get scans,secrets,events -n ${NAMESPACE}
  kubectl delete icb payments -n ${NAMESPACE}   # step 4
  tail -f ${controller.process.logFile}

Ctrl-C here ends it and leaves nothing.`);
  kept = true;
  return new Promise(() => undefined);
}

function told(error: unknown): string {
  if (error instanceof Unexpected) return `Expected: ${error.expected}\nFound: ${error.found}`;
  return error instanceof Error ? error.message : String(error);
}

function parseCommandLine(): { readonly keep: boolean; readonly help: boolean } | string {
  try {
    const { values } = parseArgs({
      options: {
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

await main();

/** `npm run demo`: shows what the controller does, on this machine and without a cluster. */
import { parseArgs } from 'node:util';
import { EXIT_CODES, Unexpected } from '../scenario/index.ts';
import { ProcessGroup } from '../testenv/index.ts';
import { NAMESPACE, type Stage, setUp } from './stage.ts';
import { afterDeletion, afterRotation, withBinding, withoutBinding } from './steps.ts';
import { Story } from './story.ts';

const usage = `Usage: npm run demo [-- --keep]

Shows in four steps what the controller does: a registry refuses Trivy because it requires a
password; Trivy scans with an ImageCredentialBinding; Trivy continues after the password changes; the
scan reverts to its original spec when the binding is deleted. The API server, the registry, Trivy and
the controller are real, and a stand-in replaces the operator of secureCodeBox. The demo takes about
a minute, needs no cluster, no Docker and no internet, and leaves nothing behind. It uses programs of this
machine if their version fits: kubectl 1.30, helm 3.14 and trivy 0.63 or later on the PATH; etcd 3.5,
kube-apiserver 1.30 and kubectl in the folder that KUBEBUILDER_ASSETS names. The first run builds the
others, which needs Go and the internet. It prints an estimate of the time before it starts.

  --keep   stop after step 3 (the password changes) with the binding in place, keep everything
           running until Ctrl-C, and print how to look at it
  --help   print this text

Exit codes: 0 if every step succeeded (with --keep, also if Ctrl-C or SIGTERM follows), 1 if a step
failed, 2 for incorrect usage, 130 after Ctrl-C, 143 after SIGTERM.
NO_COLOR=1 turns off bold and dim text, which is used only on a terminal.
To use other programs, see npm run tools -- --help.
`;

const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
const story = new Story((text) => process.stdout.write(text), { colour });
let isStopping = false;
/** Whether all steps of `--keep` have succeeded. */
let isKept = false;

async function main(): Promise<void> {
  const options = parseCommandLine();
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${usage}`);
    process.exitCode = 2;
  } else if (options.help) process.stdout.write(usage);
  else await run(options.keep);
}

async function run(keep: boolean): Promise<void> {
  for (const [signal, code] of Object.entries(EXIT_CODES)) process.on(signal, () => stop(isKept ? 0 : code));
  // The reader of the output has stopped.
  process.stdout.on('error', () => stop(1));
  try {
    await play(keep);
  } catch (error) {
    // Errors are expected while the processes are being stopped.
    if (isStopping) return;
    process.stderr.write(`\n${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

/** Stops all processes, then exits, whatever the demo is doing. */
function stop(code: number): void {
  if (isStopping) return;
  isStopping = true;
  void ProcessGroup.stopAll().finally(() => process.exit(code));
}

async function play(keep: boolean): Promise<void> {
  story.heading('Trivy and a registry with a password');
  story.say(`The demo has four steps. Its API server and its registry run on this machine until it ends. Lines that
begin with $ are commands as you would type them, followed by their output. Passwords are never
shown: "$PASSWORD" is a variable.`);
  story.heading('What runs');
  story.say('Starting …');
  await using stage = await setUp(story);
  const original = await step(stage, 'Step 1: without a binding, the registry refuses Trivy', () =>
    withoutBinding(stage),
  );
  const bound = await step(stage, 'Step 2: with a binding, Trivy scans', () => withBinding(stage));
  await step(stage, 'Step 3: the password changes, and Trivy continues to scan', () =>
    afterRotation(stage, bound),
  );
  if (keep) await stay(stage);
  await step(stage, 'Step 4: without the binding, the scan reverts to its original spec', () =>
    afterDeletion(stage, original),
  );
  story.heading('Every step succeeded.');
}

async function step<T>(stage: Stage, title: string, act: () => Promise<T>): Promise<T> {
  story.heading(title);
  try {
    return await act();
  } catch (error) {
    if (isStopping) throw error;
    const log = await stage.controller.process.logTail();
    throw new Error(
      `${title}\nThis step failed.\n${messageOf(error)}\n\nThe controller's log ends with:\n${log}`,
    );
  }
}

/** Prints how to look at the cluster. Never returns, because only a signal ends the demo. */
async function stay({ shell, controlPlane, controller }: Stage): Promise<never> {
  story.heading('Every step succeeded. The cluster is yours now.');
  story.say(`Step 4 was skipped, so the binding still exists. In another terminal:

  export KUBECONFIG=${controlPlane.kubeconfig}
  export PATH="$PATH:${shell.programs}"   # if you have no kubectl

  kubectl get icb -n ${NAMESPACE}
  kubectl describe icb payments -n ${NAMESPACE}
  kubectl get scheduledscan payments -n ${NAMESPACE} -o yaml
  kubectl get scans,secrets,events -n ${NAMESPACE}
  kubectl delete icb payments -n ${NAMESPACE}   # step 4
  tail -f ${controller.process.logFile}

Press Ctrl-C here to stop the demo. It leaves nothing behind.`);
  isKept = true;
  return new Promise(() => undefined);
}

function messageOf(error: unknown): string {
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

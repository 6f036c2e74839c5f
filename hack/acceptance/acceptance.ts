/** `npm run acceptance`: proves on a cluster that an installed controller works, from a workload to the deletion of its binding. */

import type { ClusterConfig } from '../../src/cli/index.ts';
import { handleOutputErrors, loadKubeConfig, UserError, withCluster } from '../../src/cli/index.ts';
import type { KubeClient } from '../../src/kube/index.ts';
import { printable } from '../../src/text/index.ts';
import { EXIT_CODES, Redaction, Unexpected } from '../scenario/index.ts';
import { diagnose, messageOf } from './diagnosis.ts';
import { readInstallation } from './installation.ts';
import { Journal, StepFailed, secondsSince } from './journal.ts';
import { createNamespace, removeNamespace } from './namespace.ts';
import { type Options, parseOptions, UsageError } from './options.ts';
import { planOf } from './plan.ts';
import { copyScanType, readScanType } from './scan-type.ts';
import { copySecrets, readSources } from './secrets.ts';
import { type Run, runSteps } from './steps.ts';
import { type CreatedNamespace, Workspace } from './workspace.ts';

const usage = `Usage: npm run acceptance -- --image <reference> --pull-secret <namespace/name> [flags] --yes

Proves on the cluster of KUBECONFIG that the installed controller and secureCodeBox work together. In a namespace of its
own, it creates a workload with a private image, gets a binding (from discovery if it is on), and creates a ScheduledScan.
It waits for Scans by the real Trivy: without a credential, with it, after a password change, and after a migration to another
repository. Then it deletes the binding, and checks that the ScheduledScan has its original spec. At the end, also after a
failure or Ctrl-C, it deletes the namespace. Without --yes, it prints what it would do and sends no request.

  --image <reference>            private image, with a tag or, as autodiscovery names it, a digest
  --pull-secret <ns/name>        Secret with a credential for the image; the command copies it
  --rotated-pull-secret <ns/name>  Secret with another password or token for the same registry; without it, the password
                                 change is skipped
  --rotate-command <command>     shell command to run on this machine just before the pull secret changes, for example
                                 one that revokes the old password; its output is not shown
  --new-image <repository>       another repository with the same tag and digest; without it, the migration is skipped
  --new-pull-secret <ns/name>    Secret for the new repository (default: the last of the Secrets above)
  --scan-type <ns/name>          Trivy's ScanType; the command copies it with its ParseDefinition (default: trivy-image of
                                 the first namespace that has it)
  --trivy-args <arguments>       parameters of the scan before the image, separated by spaces
  --create-binding               create the binding even if discovery is on
  -n, --namespace <name>         namespace to create (default: icb-acceptance)
  --timeout <duration>           limit on each Scan (default: 10m)
  --kubeconfig <file>            kubeconfig file to use (default: KUBECONFIG, or ~/.kube/config)
  --context <name>               kubeconfig context to use (default: the current context)
  --keep                         keep the namespace, to look at what failed
  -y, --yes                      do it
  -h, --help                     print this text

Examples:
  npm run acceptance -- --image registry.example.org/shop/payments@sha256:… --pull-secret shop/registry-example-org
  npm run acceptance -- --image registry.example.org/shop/payments:1.0 --pull-secret shop/old-token \\
    --rotated-pull-secret shop/new-token --new-image registry.example.com/team/payments \\
    --new-pull-secret shop/registry-example-com --yes
  npm run acceptance -- --image registry.example.org/shop/payments:1.0 --pull-secret shop/registry-example-org \\
    --trivy-args="--scanners secret --insecure" --yes

Exit codes: 0 if every step succeeded or was skipped, 1 if a step failed or the namespace could not be deleted, 2 for
incorrect usage or if the cluster cannot be used, 130 after Ctrl-C, 143 after SIGTERM.
`;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** A signal stops the run. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

async function main(): Promise<void> {
  handleOutputErrors();
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === undefined) process.stdout.write(usage);
    else await confirmedRun(options);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof UserError)) throw error;
    process.stderr.write(`error: ${printable(error.message)}\n`);
    if (error instanceof UsageError) process.stderr.write(`(run with --help for usage)\n`);
    process.exitCode = EXIT_USAGE;
  }
}

async function confirmedRun(options: Options): Promise<void> {
  const { kubeconfig, context, isConfirmed } = options;
  const config = await loadKubeConfig({
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    requestTimeout: 30_000,
  });
  process.stdout.write(planOf(options, config));
  if (!isConfirmed)
    throw new UserError('nothing was done; if this is the right cluster, run it again with --yes');
  const signal = interruption();
  const needs = 'read Secrets, Deployments and ScanTypes, and to create namespaces and all that is in them';
  await withCluster(config, { scope: { kind: 'All' }, needs }, 'icb-acceptance', (client) =>
    accept({ options, config, client, signal }),
  );
}

/** Aborted by the first signal to stop. Later ones have no effect, because the deletion of the namespace has a time limit. */
function interruption(): AbortSignal {
  const stop = new AbortController();
  for (const [signal, code] of Object.entries(EXIT_CODES)) {
    process.on(signal, () => {
      if (stop.signal.aborted) return;
      process.exitCode = code;
      stop.abort(new Interrupted(`Stopped by ${signal}.`));
    });
  }
  // The reader of the output has stopped.
  process.stdout.on('error', () => {
    process.exitCode ??= EXIT_FAILED;
    stop.abort(new Interrupted('The output was closed.'));
  });
  return stop.signal;
}

/** The cluster, and what to do there. */
interface Task {
  readonly options: Options;
  readonly config: ClusterConfig;
  readonly client: KubeClient;
  readonly signal: AbortSignal;
}

async function accept(task: Task): Promise<void> {
  const { options, client, signal } = task;
  const redaction = new Redaction();
  const journal = new Journal((text) => process.stdout.write(text), redaction);
  const [installation, sources, scanType] = await Promise.all([
    readInstallation(client, options.namespace),
    readSources(client, options, redaction),
    readScanType(client, options.scanType),
  ]);
  const discovers = installation.discovers && !options.createsBinding;
  if (signal.aborted) return;
  const namespace = await createNamespace(client, options.namespace, discovers);
  const workspace = new Workspace({ client, namespace: namespace.name, redaction, signal });
  try {
    await copySecrets(workspace, sources);
    await copyScanType(workspace, scanType);
    await play({ ...task, workspace, journal, installation, sources, scanType, discovers });
  } finally {
    await cleanUp(task, namespace, journal);
  }
}

async function play(run: Run): Promise<void> {
  const { journal, workspace, config } = run;
  const begun = performance.now();
  try {
    const skipped = await runSteps(run);
    const time = secondsSince(begun);
    journal.line(
      skipped.length === 0
        ? `Every step succeeded (${time}).`
        : `No step failed (${time}). Skipped: ${skipped.join('; ')}.`,
    );
  } catch (error) {
    if (error instanceof Interrupted) {
      journal.line(error.message);
      return;
    }
    if (!(error instanceof StepFailed)) throw error;
    process.exitCode = EXIT_FAILED;
    report(journal, error);
    try {
      await diagnose(workspace, config, journal);
    } catch (reading) {
      journal.note(`The rest cannot be read: ${messageOf(reading)}`);
    }
  }
}

function report(journal: Journal, { step, seconds, cause }: StepFailed): void {
  journal.note(`FAILED, ${seconds}`);
  if (cause instanceof Unexpected) journal.note(`Expected: ${cause.expected}\nFound: ${cause.found}`);
  else journal.note(`Found: ${messageOf(cause)}`);
  journal.note(`What to do: ${step.advice}`);
}

async function cleanUp(
  { options, client }: Task,
  namespace: CreatedNamespace,
  journal: Journal,
): Promise<void> {
  const { name } = namespace;
  if (options.keepsNamespace) {
    journal.line(`The namespace ${name} is kept. Delete it with: kubectl delete namespace ${name}`);
    return;
  }
  journal.line(`Deleting the namespace ${name} …`);
  const begun = performance.now();
  const problem = await removeNamespace(client, namespace);
  if (problem === undefined) {
    journal.note(`ok, ${secondsSince(begun)}`);
    return;
  }
  process.exitCode ??= EXIT_FAILED;
  journal.note(
    `FAILED: ${problem}\nWhat to do: kubectl delete namespace ${name}; if it stays, see kubectl get namespace ${name} -o yaml`,
  );
}

await main();

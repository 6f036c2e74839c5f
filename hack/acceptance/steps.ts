import type { ClusterConfig } from '../../src/cli/index.ts';
import { formatReference } from '../../src/image/index.ts';
import { SECRETS } from '../../src/object/index.ts';
import { eventually, expectSame, Unexpected } from '../scenario/index.ts';
import {
  createBinding,
  deleteBindings,
  migrateBinding,
  readyBinding,
  resolvedBinding,
  verification,
} from './bindings.ts';
import { runCommand } from './command.ts';
import { checkInstallation, type Installation } from './installation.ts';
import type { Journal, Outcome, Step } from './journal.ts';
import type { Options } from './options.ts';
import type { ScanTypeSource } from './scan-type.ts';
import {
  boundScheduledScan,
  createScheduledScan,
  describeScan,
  doneScan,
  firstScan,
  mountedSecret,
  restoredScheduledScan,
  type Scan,
  scanNames,
  scheduledScan,
  trigger,
  withImage,
} from './scans.ts';
import { changePassword, migratedSecret, PULL_SECRET, type Secret, type Sources } from './secrets.ts';
import { changeImage, createWorkload, deleteWorkload } from './workload.ts';
import type { Workspace } from './workspace.ts';

const CONTROLLER_SECONDS = 120;

/** Everything that the steps need. */
export interface Run {
  readonly options: Options;
  readonly config: ClusterConfig;
  readonly workspace: Workspace;
  readonly journal: Journal;
  readonly installation: Installation;
  readonly sources: Sources;
  readonly scanType: ScanTypeSource;
  /** Whether the binding comes from discovery. */
  readonly discovers: boolean;
}

type ScanSpec = Awaited<ReturnType<typeof createScheduledScan>>;

/** A ScheduledScan with its spec before it was bound, and its first Scan. */
interface FirstScan {
  readonly original: ScanSpec;
  /** Its name. */
  readonly scan: string;
  readonly failed: boolean;
}

/** A ScheduledScan with its spec before it was bound, and its Trivy Secret. */
interface BoundScan {
  readonly original: ScanSpec;
  readonly secretName: string;
}

const STEPS = {
  installation: {
    title: 'Check the installation',
    advice: 'do what each line says, and see image-credential-binding check --help',
  },
  workload: {
    title: 'Create the workload',
    advice:
      'see the Events below: kube-controller-manager, a quota or an admission policy can prevent the pod of the Deployment',
  },
  binding: {
    title: 'Get a binding with a credential',
    advice: 'see the conditions below, and docs/troubleshooting.md for each reason',
  },
  first: {
    title: 'Create the ScheduledScan, and wait for its first Scan',
    advice:
      'check that the operator of secureCodeBox runs, and that its pods can start; raise --timeout if they are slow',
  },
  scan: {
    title: 'Scan with the credential',
    advice:
      'see the conditions and logs below. If Trivy cannot reach the registry or its database, pass parameters with --trivy-args',
  },
  rotation: {
    title: 'Change the password, and scan again',
    advice:
      'check that the registry accepts the credential in --rotated-pull-secret; see the conditions and logs below',
  },
  migration: {
    title: 'Migrate to the new repository, and scan again',
    advice:
      'check that the new repository has the same tag or digest, and that --new-pull-secret may pull it; see the conditions and logs below',
  },
  unbind: {
    title: 'Delete the binding, which unbinds the ScheduledScan',
    advice: 'see the log of the controller for the ScheduledScan',
  },
} as const satisfies Readonly<Record<string, Step>>;

/** The titles of the steps that are not skipped, in their order. */
export function titlesOf({ rotation, migration }: Options): readonly string[] {
  const skipped: readonly Step[] = [
    ...(rotation === undefined ? [STEPS.rotation] : []),
    ...(migration === undefined ? [STEPS.migration] : []),
  ];
  return Object.values(STEPS)
    .filter((step) => !skipped.includes(step))
    .map(({ title }) => title);
}

/**
 * Runs all steps.
 *
 * @returns the titles of skipped steps
 * @throws StepFailed; the reason of the signal
 */
export async function runSteps(run: Run): Promise<readonly string[]> {
  const { options, journal } = run;
  const step = <T>(what: Step, act: () => Promise<Outcome<T>>) =>
    journal.step(what, act, run.workspace.signal);
  await step(STEPS.installation, () => installationStep(run));
  await step(STEPS.workload, () => workloadStep(run));
  await step(STEPS.binding, () => bindingStep(run));
  const first = await step(STEPS.first, () => firstScanStep(run));
  let bound = await step(STEPS.scan, () => scanStep(run, first));
  const skipped: string[] = [];
  const skip = ({ title }: Step, flag: string) => {
    journal.skip(title, `${flag} is not given`);
    skipped.push(title);
  };
  if (options.rotation === undefined) skip(STEPS.rotation, '--rotated-pull-secret');
  else bound = await step(STEPS.rotation, () => rotationStep(run, bound));
  if (options.migration === undefined) skip(STEPS.migration, '--new-image');
  else await step(STEPS.migration, () => migrationStep(run, bound));
  await step(STEPS.unbind, () => unbindStep(run, bound));
  return skipped;
}

async function installationStep({ config, options, discovers }: Run): Promise<Outcome<void>> {
  const notes = await checkInstallation(config, options.namespace);
  const how = discovers ? 'discovery is on, and creates the binding' : 'this command creates the binding';
  return { text: [how, ...notes].join('\n'), value: undefined };
}

async function workloadStep({ workspace, options }: Run): Promise<Outcome<void>> {
  const pod = await createWorkload(workspace, { image: options.image, pullSecret: PULL_SECRET });
  return { text: pod, value: undefined };
}

async function bindingStep({ workspace, options, discovers }: Run): Promise<Outcome<void>> {
  if (!discovers) await createBinding(workspace, options.image, PULL_SECRET);
  const binding = await resolvedBinding(workspace, options.image);
  const origin = discovers ? 'discovered' : 'created by this command';
  return { text: `${binding.metadata.name}, ${origin}; ${verification(binding)}`, value: undefined };
}

/** Creates the ScheduledScan and waits for its first Scan. Only the webhook can bind this Scan before it starts. */
async function firstScanStep(run: Run): Promise<Outcome<FirstScan>> {
  const { workspace, options, scanType } = run;
  const original = await createScheduledScan(workspace, {
    scanType: scanType.scanType.metadata.name,
    trivyArgs: options.trivyArgs,
    image: options.image,
  });
  const scan = await firstScan(workspace, options.scanSeconds);
  const failed = scan.status?.state === 'Errored';
  return { text: firstResult(scan, failed), value: { original, scan: scan.metadata.name, failed } };
}

/** @throws Unexpected if the webhook has bound the Scan, and it has failed nevertheless */
function firstResult(scan: Scan, failed: boolean): string {
  const { name } = scan.metadata;
  const isBound = mountedSecret(scan) !== undefined;
  if (isBound && failed)
    throw new Unexpected('the first Scan, which has its credential, to be Done', describeScan(scan));
  if (isBound) return `Scan ${name}, which was bound when it was created, is Done`;
  if (failed) return `Scan ${name} is Errored, as expected without a credential`;
  return (
    `Scan ${name} is Done without a credential, so the image is public, or its nodes have access. The ` +
    'following Scans do not prove that they need the binding'
  );
}

async function scanStep(run: Run, first: FirstScan): Promise<Outcome<BoundScan>> {
  const { workspace, options, installation } = run;
  const { image } = options;
  const secretName = await boundScheduledScan(workspace, image);
  const known = new Set([first.scan]);
  // The controller runs a ScheduledScan again only if its last run has failed without the credential.
  const isRepeated = installation.startsRuns && first.failed;
  if (!isRepeated) await trigger(workspace);
  const scan = await doneScan(workspace, { image, secretName, known, seconds: options.scanSeconds });
  const binding = await readyBinding(workspace, image);
  const who = isRepeated ? 'started by the controller' : 'started by this command';
  return {
    text: `Scan ${scan.metadata.name}, ${who}, is Done; ${verification(binding)}`,
    value: { original: first.original, secretName },
  };
}

async function rotationStep(run: Run, bound: BoundScan): Promise<Outcome<BoundScan>> {
  const { workspace, options, sources } = run;
  const { image, rotation, scanSeconds: seconds } = options;
  if (rotation?.command !== undefined) await runCommand(rotation.command, workspace.signal);
  const before = (await scheduledScan(workspace)).scan.metadata.generation;
  const data = await trivySecretData(workspace, bound.secretName);
  await changePassword(workspace, sources);
  const secretName = await newCredential(workspace, bound.secretName, data);
  const after = (await scheduledScan(workspace)).scan.metadata.generation;
  // If the entry of the new pull secret has another key, the ScheduledScan mounts another Trivy Secret.
  if (secretName === bound.secretName)
    expectSame('the generation of the ScheduledScan', String(before), String(after));
  const known = await scanNames(workspace);
  await trigger(workspace);
  const scan = await doneScan(workspace, { image, secretName, known, seconds });
  await readyBinding(workspace, image);
  const written =
    secretName === bound.secretName
      ? 'the ScheduledScan was not written'
      : `it has another entry, so the ScheduledScan mounts ${secretName}`;
  return {
    text: `the Trivy Secret has the new credential, ${written}; Scan ${scan.metadata.name} is Done`,
    value: { ...bound, secretName },
  };
}

/** Waits until the ScheduledScan mounts a Trivy Secret with other data. Returns its name. */
async function newCredential(workspace: Workspace, name: string, data: string): Promise<string> {
  return eventually('the Trivy Secret to have the new credential', {
    ...{ seconds: CONTROLLER_SECONDS, signal: workspace.signal },
    read: async () => {
      const { secretName = name } = await scheduledScan(workspace);
      return (await trivySecretData(workspace, secretName)) === data
        ? { result: 'NotYet', found: `no other data in the Secret ${secretName}` }
        : { result: 'Reached', value: secretName };
    },
  });
}

async function trivySecretData(workspace: Workspace, name: string): Promise<string> {
  const secret = await workspace.get<Secret>(SECRETS, name);
  return JSON.stringify(secret?.data ?? {});
}

async function migrationStep(run: Run, bound: BoundScan): Promise<Outcome<void>> {
  const { workspace, options, sources, discovers, installation } = run;
  const { image: from, migration, scanSeconds: seconds } = options;
  const to = migration?.image ?? from;
  const pullSecret = migratedSecret(sources);
  const known = await scanNames(workspace);
  if (discovers) await changeImage(workspace, { image: to, pullSecret });
  else await migrateBinding(workspace, { from, to, pullSecret });
  const secretName = await boundScheduledScan(workspace, to);
  if (!installation.startsRuns) await trigger(workspace);
  const scan = await doneScan(workspace, { image: to, secretName, known, seconds });
  const binding = await readyBinding(workspace, to);
  const credential =
    secretName === bound.secretName ? 'the same credential' : 'the credential of the new repository';
  return {
    text: `the ScheduledScan names ${formatReference(to)} and mounts ${credential}; Scan ${scan.metadata.name} is Done; ${verification(binding)}`,
    value: undefined,
  };
}

async function unbindStep(run: Run, { original }: BoundScan): Promise<Outcome<void>> {
  const { workspace, options, discovers } = run;
  // Otherwise, discovery would create the binding again.
  if (discovers) await deleteWorkload(workspace);
  const names = await deleteBindings(workspace);
  const { migration } = options;
  const expected = migration === undefined ? original : withImage(original, migration.image);
  await restoredScheduledScan(workspace, expected);
  const except = migration === undefined ? '' : ', except for the migrated image';
  return {
    text: `deleted ${names.join(', ')}; the ScheduledScan has its original spec${except}`,
    value: undefined,
  };
}

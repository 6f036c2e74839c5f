/** Runs a Scan's pod on this machine: its volumes are folders, and its scanner is a program. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeClient } from '../../../../src/kube/index.ts';
import { type Child, describe, type ProcessGroup } from '../../processes/index.ts';
import type { Scan } from '../objects.ts';
import { environment, expand } from './environment.ts';
import { EXTRACTION, extractSecret } from './extraction.ts';
import type { Pod } from './pod.ts';
import { PodFailed, type SecretReader } from './secrets.ts';
import { createVolumes, pathsOf } from './volumes.ts';

const LOG_LINES = 30;

export interface PodRunnerOptions {
  readonly client: KubeClient;
  /** The process group of the scanners. */
  readonly group: ProcessGroup;
  /** Each run gets a folder in this one. Its folder is removed when the run has finished. */
  readonly directory: string;
  /** Paths of the programs on this machine, by the first word of a command, for example `trivy`. */
  readonly programs: Readonly<Record<string, string>>;
}

/** The result of a Scan's pod. */
export interface PodResult {
  readonly state: 'Done' | 'Errored';
  /** The program's exit code; null if a signal ended it or it was never started. */
  readonly exitCode: number | null;
  /** The last lines of its output, or why it did not start. Values of Secrets are redacted. */
  readonly log: string;
  /** The parsed result file, for example `trivy-results.json`; undefined: it does not exist, or is not JSON. */
  readonly results: unknown;
}

/** The state of a Scan's pod. */
export interface PodRun {
  readonly uid: string;
  readonly pod: Pod;
  readonly secrets: SecretReader;
  /** The folder of its volumes; undefined until they are prepared and its init containers have finished. */
  directory?: string;
  child?: Child;
  result?: PodResult;
}

/** Runs each pod once. */
export class PodRunner {
  readonly #options: PodRunnerOptions;

  constructor(options: PodRunnerOptions) {
    this.#options = options;
  }

  /**
   * Prepares the pod's volumes unless an earlier call has, and runs the scanner until it exits.
   *
   * @throws PodWaiting if a Secret does not exist; the caller retries later
   */
  async run(scan: Scan, run: PodRun): Promise<PodResult> {
    try {
      run.directory ??= await this.#prepare(scan, run);
      return await this.#runScanner(run, run.directory);
    } catch (error) {
      if (!(error instanceof PodFailed)) throw error;
      return { state: 'Errored', exitCode: null, log: error.message, results: undefined };
    }
  }

  /** Creates the volumes and runs the init containers. */
  async #prepare(scan: Scan, { pod, secrets }: PodRun): Promise<string> {
    const { client } = this.#options;
    const directory = await mkdtemp(join(this.#options.directory, 'scan-'));
    try {
      await createVolumes(pod.volumes, secrets, directory);
      for (const container of pod.initContainers) {
        if (container.name !== EXTRACTION) {
          throw new PodFailed(`init container ${container.name}: the stand-in supports only ${EXTRACTION}`);
        }
        await extractSecret(container, scan, { client, directory });
      }
      return directory;
    } catch (error) {
      await remove(directory);
      throw error;
    }
  }

  async #runScanner(run: PodRun, directory: string): Promise<PodResult> {
    const { pod, secrets } = run;
    const paths = pathsOf(pod.scanner, directory);
    const variables = await environment(pod.scanner.env, secrets, paths);
    const own = await ownFolders(directory);
    const [program = '', ...args] = pod.scanner.command;
    const file = this.#options.programs[program];
    if (file === undefined)
      throw new PodFailed(`program "${program}": expected its path in the option programs, found none`);
    const child = await this.#spawn(file, {
      args: args.map((arg) => expand(paths.rewrite(arg), variables)),
      env: { PATH: undefined, ...own, ...Object.fromEntries(variables) },
      cwd: own.HOME,
    });
    run.child = child;
    const exit = await child.exited;
    const tail = secrets.redact(await child.logTail(LOG_LINES));
    return {
      state: exit.code === 0 ? 'Done' : 'Errored',
      exitCode: exit.code,
      log: exit.code === null ? `${tail}\nstopped by ${describe(exit)}` : tail,
      results: await readResults(paths.rewrite(pod.resultFile)),
    };
  }

  async #spawn(
    file: string,
    { args, ...options }: { args: readonly string[]; env: Record<string, string | undefined>; cwd: string },
  ): Promise<Child> {
    try {
      return await this.#options.group.spawn('scanner', file, args, options);
    } catch (error) {
      throw new PodFailed(
        `the program could not be started: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
}

/** Folders that keep a scanner away from the files of the user who runs the stand-in. */
async function ownFolders(
  directory: string,
): Promise<{ HOME: string; TMPDIR: string; TRIVY_CACHE_DIR: string }> {
  // No volume can have such a name.
  const folder = (name: string) => join(directory, `.${name}`);
  const folders = { HOME: folder('home'), TMPDIR: folder('tmp'), TRIVY_CACHE_DIR: folder('cache') };
  await Promise.all(Object.values(folders).map((path) => mkdir(path, { recursive: true })));
  return folders;
}

async function readResults(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/** Removes a run's folder. */
export async function remove(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

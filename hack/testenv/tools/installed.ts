/** Programs of this machine that can replace pinned ones, so that the demo does not build them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment } from '../processes/index.ts';
import { isExecutable, variableOf } from './location.ts';
import { isAtLeast } from './toolchain.ts';

/** Limit on the time that a program takes to print its version, in milliseconds. */
const VERSION_TIMEOUT = 10_000;

interface Requirement {
  /** Arguments with which the program prints its version. */
  readonly args: readonly string[];
  readonly minimum: string;
  /** The first version that is too new, because nobody has tried that major version. */
  readonly below: string;
  /** Where to look, in this order. */
  readonly places: readonly Place[];
}

type Place = 'KUBEBUILDER_ASSETS' | 'PATH';

const requirements = {
  // Kubernetes 1.30 is the oldest version that the chart supports.
  'kube-apiserver': {
    args: ['--version'],
    minimum: '1.30',
    below: '2',
    places: ['KUBEBUILDER_ASSETS'],
  },
  kubectl: {
    args: ['version', '--client'],
    minimum: '1.30',
    below: '2',
    places: ['KUBEBUILDER_ASSETS', 'PATH'],
  },
  // The etcd of Kubernetes 1.30.
  etcd: { args: ['--version'], minimum: '3.5', below: '4', places: ['KUBEBUILDER_ASSETS'] },
  // As in the README.
  helm: { args: ['version', '--short'], minimum: '3.14', below: '4', places: ['PATH'] },
  // The first version with --disable-telemetry and --skip-version-check.
  trivy: { args: ['--version'], minimum: '0.63', below: '1', places: ['PATH'] },
} as const satisfies Record<string, Requirement>;

/** A tool that a program of the machine can replace. */
export type ReplaceableTool = keyof typeof requirements;

type Env = Readonly<Record<string, string | undefined>>;

/** A program of the machine. */
export interface InstalledProgram {
  readonly name: ReplaceableTool;
  readonly file: string;
  readonly place: Place;
  /** Its version if it fits, or else why it does not: `it is version 3.10.0`. */
  readonly check:
    | { readonly result: 'fits'; readonly version: string }
    | { readonly result: 'unfit'; readonly reason: string };
}

/**
 * Makes {@link tools} use programs of this machine in this process: those in KUBEBUILDER_ASSETS (etcd, kube-apiserver,
 * kubectl) and on the PATH (kubectl, helm, trivy), if their version fits. A tool whose own variable (`ICB_TOOL_KUBECTL`) is
 * set remains as it is. Sets these variables of this process. Tests do not call this, so that they run pinned programs.
 *
 * @param log - takes a line for each program that was found
 */
export async function preferInstalled(
  names: readonly ReplaceableTool[],
  log: (line: string) => void,
): Promise<void> {
  const free = names.filter((name) => !process.env[variableOf(name)]);
  const found = await Promise.all(free.map((name) => installed(name, process.env)));
  for (const program of found.flat()) {
    log(described(program));
    if (program.check.result === 'fits') process.env[variableOf(program.name)] = program.file;
  }
}

/** One line about a program: that it is used, or why not and what to do. */
export function described({ name, file, place, check }: InstalledProgram): string {
  const from = place === 'PATH' ? 'on the PATH' : `in ${place}`;
  if (check.result === 'fits') return `using ${name} ${check.version} ${from}: ${file}`;
  const { minimum, below } = requirements[name];
  return (
    `not using ${file} (${from}): expected ${name} ${minimum} or later, below ${below}, but ${check.reason}; ` +
    'install such a version, so that the pinned one need not be built'
  );
}

/**
 * The programs of the machine for a tool: at most one that fits, which is the last, and unfit ones before it.
 *
 * @param env - KUBEBUILDER_ASSETS and PATH are read
 * @param timeout - limit on the time that each takes to print its version, in milliseconds
 */
export async function installed(
  name: ReplaceableTool,
  env: Env,
  timeout = VERSION_TIMEOUT,
): Promise<readonly InstalledProgram[]> {
  const programs: InstalledProgram[] = [];
  for (const place of requirements[name].places) {
    const file = await fileIn(place, name, env);
    if (file === undefined) continue;
    const check = await checked(name, file, timeout);
    programs.push({ name, file, place, check });
    if (check.result === 'fits') break;
  }
  return programs;
}

async function fileIn(place: Place, name: ReplaceableTool, env: Env): Promise<string | undefined> {
  const value = env[place] ?? '';
  // A relative folder on the PATH depends on where a process runs.
  const folders =
    place === 'PATH' ? value.split(':').filter(isAbsolute) : value === '' ? [] : [resolve(value)];
  for (const folder of folders) {
    const file = join(folder, name);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

async function checked(
  name: ReplaceableTool,
  file: string,
  timeout: number,
): Promise<InstalledProgram['check']> {
  const { args, minimum, below } = requirements[name];
  const output = await outputOf(file, args, timeout);
  if (typeof output !== 'string') return { result: 'unfit', reason: output.problem };
  const version = /\d+\.\d+(?:\.\d+)?/.exec(output)?.[0];
  if (version === undefined) return { result: 'unfit', reason: 'it prints no version' };
  if (isAtLeast(version, minimum) && !isAtLeast(version, below)) return { result: 'fits', version };
  return { result: 'unfit', reason: `it is version ${version}` };
}

/** What a program prints in the environment in which the test environment runs programs. */
async function outputOf(
  file: string,
  args: readonly string[],
  timeout: number,
): Promise<string | { readonly problem: string }> {
  const home = await mkdtemp(join(tmpdir(), 'icb-version-'));
  try {
    const { stdout } = await promisify(execFile)(file, args, {
      env: childEnvironment(home),
      timeout,
      killSignal: 'SIGKILL',
    });
    return stdout;
  } catch (error) {
    const { killed, code } = error as { readonly killed?: boolean; readonly code?: number | string };
    if (killed) return { problem: `it did not print its version within ${timeout / 1_000} s` };
    return { problem: `"${[file, ...args].join(' ')}" failed (${code ?? 'signal'})` };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

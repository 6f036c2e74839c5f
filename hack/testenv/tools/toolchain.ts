/** The Go toolchain of this machine, and whether it can build the tools. */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { variableOf } from './location.ts';
import type { Recipe } from './recipe.ts';

/** The first version of Go that can fetch a newer one by itself. */
const firstSelfUpdating = '1.21';

/** The version of Go on the PATH, for example `1.26.8`; undefined if Go is not installed. */
async function installedGo(): Promise<string | undefined> {
  try {
    // In a folder without a go.mod, which would choose the version.
    const { stdout } = await promisify(execFile)('go', ['env', 'GOVERSION'], { cwd: tmpdir() });
    return parseGoVersion(stdout);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The number in a version string of Go: `go1.26.8`, `go1.27rc1`, `devel go1.27-1a2b3c4 …`; `0` if it has no number. */
export function parseGoVersion(text: string): string {
  return /go(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? '0';
}

/** Whether one version of Go is at least another. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [have, want] = [version, wanted].map((text) => text.split('.').map(Number));
  for (const [index, part] of (want ?? []).entries()) {
    const difference = (have?.[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** How Go gets the version that a module requires: it is installed, or Go fetches it. Or why it cannot. */
export type Toolchain =
  | { readonly kind: 'installed' }
  | { readonly kind: 'fetched' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'tooOld'; readonly version: string };

/**
 * Decides which Go to build with.
 *
 * @param installed - the version on the PATH, if any
 * @param wanted - the version that go.mod requires
 */
export function toolchain(installed: string | undefined, wanted: string): Toolchain {
  if (installed === undefined) return { kind: 'missing' };
  if (isAtLeast(installed, wanted)) return { kind: 'installed' };
  if (isAtLeast(installed, firstSelfUpdating)) return { kind: 'fetched' };
  return { kind: 'tooOld', version: installed };
}

/** What to do if the Go of this machine cannot build these tools; undefined if it can. */
export function goProblem(missing: readonly Recipe[], chain: Toolchain, wanted: string): string | undefined {
  if (chain.kind === 'installed' || chain.kind === 'fetched') return undefined;
  const names = missing.map(({ name, version }) => `${name} ${version}`).join(', ');
  const found =
    chain.kind === 'missing' ? 'there is no "go" on the PATH' : `the "go" on the PATH is ${chain.version}`;
  const variables = missing.map(({ name }) => `${variableOf(name)}=FILE`).join(' ');
  return (
    `${names} must be built, which needs Go ${wanted} or later (1.21 or later can fetch it), but ${found}. ` +
    `Install Go (https://go.dev/dl/), or set the paths of existing programs: ${variables}`
  );
}

/**
 * The toolchain to build these tools with.
 *
 * @throws Error that says what to do when none is usable
 */
export async function usableToolchain(missing: readonly Recipe[]): Promise<Toolchain> {
  const wanted =
    missing
      .map(({ goVersion }) => goVersion)
      .toSorted(byNumber)
      .at(-1) ?? '';
  const chain = toolchain(await installedGo(), wanted);
  const problem = goProblem(missing, chain, wanted);
  if (problem !== undefined) throw new Error(problem);
  return chain;
}

function byNumber(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

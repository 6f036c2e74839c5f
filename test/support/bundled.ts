/** Runs the bundle as the image does: as another user who may write nothing, with the arguments of the chart. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { bundle, PROGRAM } from '../../hack/build/bundle.ts';
import { CHART } from '../../hack/root.ts';
import type { ControlPlane } from '../../hack/testenv/control-plane/control-plane.ts';
import { RELEASE } from '../../hack/testenv/controller.ts';
import type { Child } from '../../hack/testenv/processes/process-group.ts';
import { untilReady } from '../../hack/testenv/processes/readiness.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';

/**
 * The image's user. A test that does not run as root runs the bundle as its own user, in a folder that is read-only.
 */
const IMAGE_USER = 65_532;
const user = process.getuid?.() === 0 ? IMAGE_USER : undefined;

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

interface Rendered {
  readonly kind: string;
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

/** A bundle in a temporary folder of its own. */
export class Bundled implements AsyncDisposable {
  /** The folder of the bundle. */
  readonly app: string;
  /** The working directory. Only root may write there. */
  readonly empty: string;
  readonly bundle: Awaited<ReturnType<typeof bundle>>;
  readonly #directory: string;

  private constructor(directory: string, written: Awaited<ReturnType<typeof bundle>>) {
    this.#directory = directory;
    this.app = join(directory, 'app');
    this.empty = join(directory, 'empty');
    this.bundle = written;
  }

  static async make(): Promise<Bundled> {
    const directory = await mkdtemp(join(tmpdir(), 'icb-bundle-'));
    await chmod(directory, 0o755);
    const made = new Bundled(directory, await bundle(join(directory, 'app')));
    await mkdir(made.empty, { mode: 0o555 });
    return made;
  }

  /**
   * Starts the controller, and resolves when it is ready. The chart must be installed.
   *
   * @param variables - added to its environment; they override those of the chart
   */
  async start(
    controlPlane: ControlPlane,
    variables: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly child: Child; readonly milliseconds: number }> {
    const { args, env } = await container();
    const kubeconfig = await this.#kubeconfig(controlPlane);
    const began = performance.now();
    const child = await controlPlane.group.spawn(
      'bundle',
      process.execPath,
      // The chart's port may be in use on this machine.
      [join(this.app, PROGRAM), ...args, '--serve=127.0.0.1:0'],
      {
        cwd: this.empty,
        env: {
          ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
          ...{ KUBECONFIG: kubeconfig, HOME: this.empty, TMPDIR: this.empty, PATH: '' },
          ...variables,
        },
        graceMilliseconds: 25_000,
        ...(user === undefined ? {} : { user }),
      },
    );
    await untilReady(child, async () => {
      const port = /"port":(\d+)/.exec(await readFile(child.logFile, 'utf8'))?.[1];
      return port !== undefined && (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    });
    return { child, milliseconds: performance.now() - began };
  }

  /** Duration of one `--version`, including the start of the process, in milliseconds. */
  versionMilliseconds(): number {
    const began = performance.now();
    const { stdout, stderr } = spawnSync(process.execPath, [join(this.app, PROGRAM), '--version'], {
      encoding: 'utf8',
    });
    assert.match(stdout, /^\d+\.\d+\.\d+\S*\n$/);
    assert.equal(stderr, '');
    return performance.now() - began;
  }

  async #kubeconfig(controlPlane: ControlPlane): Promise<string> {
    const file = join(this.#directory, 'kubeconfig');
    const text = await readFile(await controlPlane.kubeconfigFor({ namespace: RELEASE, name: RELEASE }));
    await rm(file, { force: true });
    await writeFile(file, text, { mode: 0o400 });
    if (user !== undefined) await chown(file, user, user);
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/**
 * Resident memory of a process, in MiB. Also asserts that it runs as the image's user, if this process runs as root.
 */
export async function resident(child: Child): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  if (user !== undefined) assert.match(status, new RegExp(`^Uid:\\s+${user}\\s+${user}\\s`, 'm'));
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** The median of an odd number of values, or the upper of the two middle values. */
export function middle(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function container(): Promise<Container> {
  const { helm } = await tools(['helm'], (line) => process.stderr.write(`${line}\n`));
  // As the chart is installed here: the Secret of the webhook does not exist without it.
  const set = ['--set', 'admission.enabled=false'];
  const args = ['template', RELEASE, CHART, '--kube-version', '1.30.0', '--namespace', RELEASE, ...set];
  const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const documents = loadAll(stdout) as readonly Rendered[];
  const found = documents.find(({ kind }) => kind === 'Deployment')?.spec.template.spec.containers[0];
  assert.ok(found !== undefined);
  return found;
}

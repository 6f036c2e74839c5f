import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dump, load } from 'js-yaml';
import { ROOT } from '../../../hack/root.ts';
import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import type { Child, Output } from '../../../hack/testenv/processes/process-group.ts';
import { writeHelmWithoutWebhook } from '../cluster/webhook-off.ts';

/** The namespace of a reader's kubeconfig. */
export const NAMESPACE = 'shop';

/**
 * A reader who types what a page says, with kubectl, Helm, the installed command line, a kubeconfig and a home folder.
 * The commands run in a checkout of the repository whose own files are not written.
 */
export class Reader {
  /** The working directory of the commands. */
  readonly folder: string;
  /** The commands so far. */
  readonly typed: string[] = [];
  readonly #controlPlane: ControlPlane;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(
    controlPlane: ControlPlane,
    place: { readonly folder: string; readonly env: Readonly<Record<string, string>> },
  ) {
    this.#controlPlane = controlPlane;
    this.folder = place.folder;
    this.#env = place.env;
  }

  /**
   * @param name - name of a folder that does not exist yet
   * @param programs - paths of kubectl and Helm
   */
  static async create(
    controlPlane: ControlPlane,
    name: string,
    programs: { readonly kubectl: string; readonly helm: string },
  ): Promise<Reader> {
    const home = join(controlPlane.directory, name);
    const [folder, bin] = [join(home, 'checkout'), join(home, 'bin')];
    for (const each of [home, folder, bin]) await mkdir(each);
    for (const entry of await readdir(ROOT))
      if (entry !== '.git') await symlink(join(ROOT, entry), join(folder, entry));
    // As npm installs them.
    const { bin: commands } = packageJson();
    for (const [command, file] of Object.entries(commands))
      await symlink(join(ROOT, file), join(bin, command));
    await writeHelmWithoutWebhook(bin, programs.helm);
    const kubeconfig = join(home, 'kubeconfig');
    await writeFile(kubeconfig, await inNamespace(controlPlane.kubeconfig), { mode: 0o600 });
    const path = [bin, ...[process.execPath, programs.kubectl].map(dirname)];
    return new Reader(controlPlane, {
      folder,
      env: { HOME: home, KUBECONFIG: kubeconfig, PATH: [...path, process.env['PATH']].join(':') },
    });
  }

  /** Runs a command in the reader's shell, and waits until it exits. */
  async run(command: string): Promise<Output> {
    this.typed.push(command);
    return this.#controlPlane.group.run('/bin/sh', ['-c', command], { env: this.#env, cwd: this.folder });
  }

  /** Starts a command that runs until it is stopped. */
  async start(command: string): Promise<Child> {
    const options = { env: this.#env, cwd: this.folder, graceMilliseconds: 25_000 };
    return this.#controlPlane.group.spawn('typed', '/bin/sh', ['-c', `exec ${command}`], options);
  }

  /** @throws Error with the command's standard error if the exit code is not 0 */
  async succeed(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** The syntax error of a shell script, which is parsed and not executed; `undefined`: there is none. */
  async problemIn(script: string): Promise<string | undefined> {
    const options = { input: script, env: this.#env };
    const { code, stderr } = await this.#controlPlane.group.run('/bin/sh', ['-n'], options);
    return code === 0 ? undefined : stderr;
  }
}

/** The part of package.json that tests read. */
export function packageJson(): {
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
} {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

async function inNamespace(kubeconfig: string): Promise<string> {
  // The control plane has written it in this form.
  const config = load(await readFile(kubeconfig, 'utf8')) as {
    readonly contexts: readonly { readonly context: object }[];
  };
  const contexts = config.contexts.map(({ context, ...rest }) => ({
    ...rest,
    context: { ...context, namespace: NAMESPACE },
  }));
  return dump({ ...config, contexts });
}

import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../root.ts';
import { Unexpected } from '../scenario/index.ts';
import { describe, type ProcessGroup } from '../testenv/index.ts';
import type { Story } from './story.ts';

/** What {@link Shell.create} needs. */
interface ShellOptions {
  readonly group: ProcessGroup;
  readonly story: Story;
  readonly kubeconfig: string;
  /** Path of kubectl. */
  readonly kubectl: string;
}

/** Runs command lines as a user would type them, in the folder of the repository and with `kubectl` on the PATH. */
export class Shell {
  /** The folder that contains only `kubectl`. */
  readonly programs: string;
  readonly #group: ProcessGroup;
  readonly #story: Story;
  readonly #kubeconfig: string;

  private constructor({ group, story, kubeconfig }: ShellOptions, programs: string) {
    this.#group = group;
    this.#story = story;
    this.#kubeconfig = kubeconfig;
    this.programs = programs;
  }

  /** Creates a shell. Its folder is in the directory of the process group. */
  static async create(options: ShellOptions): Promise<Shell> {
    const programs = join(options.group.directory, 'bin');
    await mkdir(programs);
    await symlink(options.kubectl, join(programs, 'kubectl'));
    return new Shell(options, programs);
  }

  /**
   * Shows a command line, runs it, and shows its output.
   *
   * @param secrets - variables that the line uses; their values are not shown
   * @returns its standard output
   * @throws Unexpected if its exit code is not 0
   */
  async show(line: string, secrets: Readonly<Record<string, string>> = {}): Promise<string> {
    this.#story.command(line);
    const { stdout, stderr } = await this.#run(line, secrets);
    this.#story.output(stdout + stderr);
    return stdout;
  }

  /** Like {@link Shell.show}, but shows neither the command line nor its output. */
  async read(line: string, input?: string): Promise<string> {
    const { stdout } = await this.#run(line, {}, input);
    return stdout.trimEnd();
  }

  async #run(
    line: string,
    variables: Readonly<Record<string, string>>,
    input?: string,
  ): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const path = [this.programs, process.env['PATH']].join(':');
    const { stdout, stderr, ...exit } = await this.#group.run('/bin/sh', ['-c', line], {
      cwd: ROOT,
      env: { ...variables, KUBECONFIG: this.#kubeconfig, PATH: path },
      ...(input === undefined ? {} : { input }),
    });
    if (exit.code === 0) return { stdout, stderr };
    throw new Unexpected(`"${line}" to succeed`, `that it exited with ${describe(exit)}: ${stderr.trim()}`);
  }
}

import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../root.ts';
import { describe, type ProcessGroup } from '../testenv/index.ts';
import type { Story } from './story.ts';
import { Unexpected } from './unexpected.ts';

/** What a shell is made of. */
interface ShellOptions {
  readonly group: ProcessGroup;
  readonly story: Story;
  readonly kubeconfig: string;
  /** Path of kubectl. */
  readonly kubectl: string;
}

/** Runs command lines as a person would type them, from the repository's folder, with `kubectl` on the PATH. */
export class Shell {
  /** The folder with nothing but `kubectl` in it. */
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

  /** Makes one; its folder is in the group's. */
  static async create(options: ShellOptions): Promise<Shell> {
    const programs = join(options.group.directory, 'bin');
    await mkdir(programs);
    await symlink(options.kubectl, join(programs, 'kubectl'));
    return new Shell(options, programs);
  }

  /**
   * Shows a command line, runs it, and shows what it wrote.
   *
   * @param secrets - variables that the line names; their values are not shown
   * @returns what it wrote to its output
   * @throws Unexpected where it does not end with 0
   */
  async show(line: string, secrets: Readonly<Record<string, string>> = {}): Promise<string> {
    this.#story.command(line);
    const { stdout, stderr } = await this.#run(line, secrets);
    this.#story.output(stdout + stderr);
    return stdout;
  }

  /** Runs a command line and shows nothing of it; else as {@link Shell.show}. */
  async ask(line: string, input?: string): Promise<string> {
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
    throw new Unexpected(`"${line}" to succeed`, `that it ended with ${describe(exit)}: ${stderr.trim()}`);
  }
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { Output } from '../../../hack/testenv/processes/process-group.ts';
import { until } from '../until.ts';
import type { ReaderCluster } from './cluster.ts';
import { type Example, exampleOf, type Need } from './example.ts';
import type { Block, Page } from './markdown.ts';
import { shows } from './output.ts';
import { packageJson, type Reader } from './reader.ts';
import type { Setup } from './setups.ts';

/** The number of examples, by kind. */
export interface Tally {
  /** Commands that were executed. */
  commands: number;
  /** Objects and values that the API server or Helm accepted. */
  manifests: number;
  /** Blocks that were only parsed, by what they need. */
  readonly parsed: Partial<Record<Need, number>>;
}

/** These commands exit with 1 if something is not ready, or nothing matches. */
const ANSWERS = /\b(?:kubectl icb|icb --|image-credential-binding) (?:audit|check|explain)\b/;
/** These commands change nothing, and their output may take time to appear. */
const READS = /\b(?:kubectl (?:get|describe|events|icb (?:audit|explain))|icb -- (?:audit|explain))\b/;
const CONTROLLER = /\b(?:icb --|kubectl icb|image-credential-binding) controller\b/;
/** Commands that may change the Deployment, which the stand-in for the chart's pods then follows. */
const TOUCHES_PODS = /^(?:helm|kubectl scale) /;
const PLACEHOLDER = /<[a-z][a-z ]*>/g;
const CHART = 'charts/image-credential-binding';

/** Executes the examples of a page, from its first block to its last. */
export class Walk {
  readonly #cluster: ReaderCluster;
  readonly #reader: Reader;
  readonly #setup: Setup;
  readonly #tally: Tally;

  constructor(
    cluster: ReaderCluster,
    reader: Reader,
    options: { readonly setup: Setup; readonly tally: Tally },
  ) {
    this.#cluster = cluster;
    this.#reader = reader;
    this.#setup = options.setup;
    this.#tally = options.tally;
  }

  /** @throws Error that names the page, the line, the command and its result */
  async through({ blocks }: Page): Promise<void> {
    for (const block of blocks) await this.#take(block);
  }

  async #take(block: Block): Promise<void> {
    try {
      const example = exampleOf(block);
      switch (example.kind) {
        case 'Commands':
          for (const { line, text } of example.commands) await at(block, line, () => this.#command(text));
          break;
        case 'Session':
          for (const { line, text, output } of example.turns)
            await at(block, line, () => this.#turn(text, output));
          break;
        default:
          await this.#takeWhole(example);
      }
    } catch (error) {
      throw located(error, block, block.line);
    }
  }

  async #takeWhole(example: Exclude<Example, { readonly kind: 'Commands' | 'Session' }>): Promise<void> {
    switch (example.kind) {
      case 'Objects':
        return this.#manifest(example, (file) => `kubectl apply --dry-run=server --filename ${file}`);
      case 'Values':
        return this.#manifest(
          example,
          (file) => `helm template ${CHART} --kube-version 1.30.0 --values ${file}`,
        );
      case 'Parsed':
        return this.#parse(example);
      case 'Scripts':
        for (const script of example.scripts)
          if (!Object.hasOwn(packageJson().scripts, script))
            throw new Error(`expected the npm script "${script}" in package.json, found none`);
    }
  }

  async #command(text: string): Promise<void> {
    const command = this.#filled(text);
    this.#tally.commands += 1;
    if (CONTROLLER.test(command)) return this.#controller(command);
    const ran = await this.#run(command);
    if (ran.code === 0 || (ran.code === 1 && ANSWERS.test(command))) return;
    throw new Error(`${command}\nexpected exit code 0, found ${ended(ran)}`);
  }

  async #turn(text: string, output: string): Promise<void> {
    const command = this.#filled(text);
    this.#tally.commands += 1;
    let ran = await this.#run(command);
    const fits = () => shows(output, ran.stdout + ran.stderr);
    const again = async () => {
      if (fits()) return true;
      ran = await this.#reader.run(command);
      return fits();
    };
    if (fits() || (READS.test(command) && (await until(again, command, 60).catch(() => false)))) return;
    throw new Error(`${command}\nexpected it to print\n${output}\nfound ${ended(ran)}`);
  }

  /** Runs a command, and lets the stand-in for the chart's pods apply its effects. */
  async #run(command: string): Promise<Output> {
    const { pods } = this.#cluster;
    if (!command.startsWith('helm uninstall')) {
      const ran = await this.#reader.run(command);
      if (TOUCHES_PODS.test(command)) await pods.follow();
      return ran;
    }
    await pods.stop();
    const running = this.#reader.run(command);
    await pods.unbind(running);
    return running;
  }

  async #controller(command: string): Promise<void> {
    // The default port may be in use on this machine.
    const child = await this.#reader.start(`${command} --serve 127.0.0.1:0`);
    const leads = async () => (await child.logTail(50)).includes('"msg":"leading"');
    await until(leads, 'the controller to lead', 60);
    // Stops it as Ctrl-C would, so that the controller does not outlive this command.
    await child.stop();
  }

  async #manifest(
    { yaml, file = 'example.yaml' }: { readonly yaml: string; readonly file?: string },
    check: (file: string) => string,
  ): Promise<void> {
    await writeFile(join(this.#reader.folder, file), yaml);
    await this.#reader.succeed(check(file));
    this.#tally.manifests += 1;
  }

  async #parse({ needs, shell, yaml }: Extract<Example, { readonly kind: 'Parsed' }>): Promise<void> {
    if (yaml !== undefined) loadAll(yaml);
    const problem = shell && (await this.#reader.problemIn(shell.replaceAll(PLACEHOLDER, 'placeholder')));
    if (problem) throw new Error(`the shell cannot parse this block: ${problem}`);
    this.#tally.parsed[needs] = (this.#tally.parsed[needs] ?? 0) + 1;
  }

  #filled(text: string): string {
    return text.replaceAll(PLACEHOLDER, (name) => {
      const value = this.#setup.placeholders?.[name];
      if (value === undefined)
        throw new Error(
          `${text}\nexpected a value for each placeholder in the setup of the page, found none for ${name}`,
        );
      return value;
    });
  }
}

async function at(block: Block, line: number, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    throw located(error, block, line);
  }
}

const LOCATED = Symbol('located');

/** Adds the position to an error, once. */
function located(error: unknown, { page }: Block, line: number): Error {
  if (error instanceof Error && error.cause === LOCATED) return error;
  return new Error(`${page}:${line}: ${error instanceof Error ? error.message : error}`, { cause: LOCATED });
}

function ended({ code, stdout, stderr }: Output): string {
  return `${code}, which printed\n${stdout}${stderr}`;
}

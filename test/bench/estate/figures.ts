import { middle } from '../../support/bundled.ts';
import type { ProcessMemory } from '../../support/process.ts';

/** The measurements of all rounds. */
export interface Rounds<Round> {
  readonly controller: Round[];
  readonly bare: Round[];
}

/** Prints one figure of both contenders in milliseconds, as the median of all rounds. */
export function compare<Round>(
  what: string,
  { controller, bare }: Rounds<Round>,
  of: (round: Round) => number,
): void {
  const [controllerMs, bareMs] = [middle(controller.map(of)), middle(bare.map(of))];
  const times = `controller ${controllerMs.toFixed(1)} ms, bare writer ${bareMs.toFixed(1)} ms`;
  print(`${what}: ${times}; ratio ${(controllerMs / bareMs).toFixed(2)}`);
}

/** Prints the memory of the controller, as the median of all rounds. */
export function printMemory(rounds: readonly { readonly memory: ProcessMemory }[]): void {
  const of = (figure: keyof ProcessMemory) => middle(rounds.map(({ memory }) => memory[figure])).toFixed(0);
  print(`memory of the controller: ${of('peak')} MiB at its peak, ${of('now')} MiB when idle`);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

import { middle } from '../../support/bundled.ts';
import type { ProcessMemory } from '../../support/process.ts';

/** What was measured in each round. */
export interface Rounds<Round> {
  readonly controller: Round[];
  readonly bare: Round[];
}

/** One figure of both, in milliseconds: the middle of all rounds. */
export function compare<Round>(
  what: string,
  { controller, bare }: Rounds<Round>,
  of: (round: Round) => number,
): void {
  const [ours, least] = [middle(controller.map(of)), middle(bare.map(of))];
  const times = `controller ${ours.toFixed(1)} ms, bare writer ${least.toFixed(1)} ms`;
  print(`${what}: ${times}; ratio ${(ours / least).toFixed(2)}`);
}

/** What the controller holds: the middle of all rounds. */
export function printMemory(rounds: readonly { readonly memory: ProcessMemory }[]): void {
  const of = (figure: keyof ProcessMemory) => middle(rounds.map(({ memory }) => memory[figure])).toFixed(0);
  print(`the controller holds ${of('peak')} MiB at most, ${of('now')} MiB when idle`);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

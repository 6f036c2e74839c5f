import { describe, ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import type { ToolName } from '../../../hack/testenv/tools/recipe.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

const BATCH = 2_000;

/** Sends requests to an oracle of `hack/testenv/tools`. Returns one answer for each, in the same order. */
export async function askOracle<Answer>(
  name: ToolName,
  requests: readonly object[],
): Promise<readonly Answer[]> {
  const { [name]: program } = await tools([name], (line) => process.stderr.write(`${line}\n`));
  await using group = await ProcessGroup.start();
  const answers: Answer[] = [];
  for (let first = 0; first < requests.length; first += BATCH) {
    const batch = requests.slice(first, first + BATCH);
    const input = batch.map((request) => `${JSON.stringify(request)}\n`).join('');
    const { stdout, stderr, ...exit } = await group.run(program, [], { input });
    if (exit.code !== 0) throw new Error(`the oracle ended with ${describe(exit)}: ${stderr}`);
    // The program writes these lines.
    answers.push(
      ...stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Answer),
    );
  }
  if (answers.length !== requests.length)
    throw new Error(`sent ${requests.length} requests, got ${answers.length} answers`);
  return answers;
}

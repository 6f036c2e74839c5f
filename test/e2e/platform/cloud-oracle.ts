import { describe, ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

/** An image, and the content of config.json. */
export interface CloudQuestion {
  readonly image: string;
  readonly config: string;
}

/** hack/testenv/tools/trivy/cloud-oracle/main.go */
export interface CloudAnswer {
  readonly error?: string;
  readonly host: string;
  readonly cloud: 'AWS' | 'Google' | 'Azure' | '';
  readonly username: string;
}

/** Sends questions to Trivy's own packages. Returns one answer for each, in the same order. */
export async function askTrivy(questions: readonly CloudQuestion[]): Promise<readonly CloudAnswer[]> {
  const program = await tools(['cloud-oracle'], (line) => process.stderr.write(`${line}\n`));
  await using group = await ProcessGroup.start();
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
  const { stdout, stderr, ...exit } = await group.run(program['cloud-oracle'], [], { input });
  if (exit.code !== 0) throw new Error(`the oracle ended with ${describe(exit)}: ${stderr}`);
  // The program writes these lines.
  const answers = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as CloudAnswer);
  if (answers.length !== questions.length)
    throw new Error(`sent ${questions.length} questions, got ${answers.length} answers`);
  return answers;
}

import { describe, ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

/** A Secret as the kubelet gets it; values in base64. */
export interface PlainSecret {
  readonly name: string;
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

type Question =
  | { readonly reference: string }
  | { readonly image: string; readonly secrets: readonly PlainSecret[] };

/** hack/testenv/tools/kubelet/keyring-oracle/main.go */
export interface Answer {
  readonly error?: string;
  readonly reference?: {
    readonly name: string;
    readonly tag: string;
    readonly digest: string;
    readonly familiar: string;
  };
  /** In the order in which the kubelet would try them. */
  readonly credentials: readonly {
    readonly secret: string;
    readonly email: string;
    readonly username: string;
    readonly password: string;
  }[];
  /** The keyring's key of each entry, by the entry's e-mail address. */
  readonly keys?: Readonly<Record<string, string>>;
}

const BATCH = 2_000;

/** Puts questions to the libraries that the kubelet itself uses; an answer each, in their order. */
export async function ask(questions: readonly Question[]): Promise<readonly Answer[]> {
  const program = await tools(['keyring-oracle'], (line) => process.stderr.write(`${line}\n`));
  await using group = await ProcessGroup.start();
  const answers: Answer[] = [];
  for (let first = 0; first < questions.length; first += BATCH) {
    const batch = questions.slice(first, first + BATCH);
    const input = batch.map((question) => `${JSON.stringify(question)}\n`).join('');
    const { stdout, stderr, ...exit } = await group.run(program['keyring-oracle'], [], { input });
    if (exit.code !== 0) throw new Error(`the oracle ended with ${describe(exit)}: ${stderr}`);
    // What the program writes.
    answers.push(
      ...stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Answer),
    );
  }
  if (answers.length !== questions.length)
    throw new Error(`asked ${questions.length} questions, got ${answers.length} answers`);
  return answers;
}

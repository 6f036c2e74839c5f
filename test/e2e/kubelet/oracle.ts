import { describe, ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

/** A Secret as the kubelet receives it. The values are base64. */
export interface PlainSecret {
  readonly name: string;
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

type OracleRequest =
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

/** Sends requests to the libraries that the kubelet itself uses. Returns one answer for each, in the same order. */
export async function ask(requests: readonly OracleRequest[]): Promise<readonly Answer[]> {
  const program = await tools(['keyring-oracle'], (line) => process.stderr.write(`${line}\n`));
  await using group = await ProcessGroup.start();
  const answers: Answer[] = [];
  for (let first = 0; first < requests.length; first += BATCH) {
    const batch = requests.slice(first, first + BATCH);
    const input = batch.map((request) => `${JSON.stringify(request)}\n`).join('');
    const { stdout, stderr, ...exit } = await group.run(program['keyring-oracle'], [], { input });
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

/** `npm run tools`: builds tools and prints where they are. */
import { parseArgs } from 'node:util';
import { nodeProblem } from '../node/index.ts';
import { ProcessGroup } from '../processes/index.ts';
import { isToolName, nodeToolNames, type ToolName, toolNames, tools, variableOf } from '../tools/index.ts';

const usage = `Usage: npm run tools -- [NAME…]

Builds the named tools if they are missing. Prints a line for each: its name and its path. Without a name, it builds all
of them, but those of a node only if one can run on this machine.
Names: ${toolNames.join(' ')}

Environment variables:
  ICB_TOOL_<NAME>      path of an existing program, for example ${variableOf('kube-apiserver')}=/usr/local/bin/kube-apiserver
  ICB_CACHE            parent folder of image-credential-binding/tools, which contains the built tools
                       (default: XDG_CACHE_HOME, then ~/.cache)
`;

async function main(): Promise<number> {
  const options = parseCommandLine();
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  try {
    const names = options.names.length === 0 ? await usableTools() : options.names;
    const paths = await tools(names, log);
    for (const name of names) process.stdout.write(`${name} ${paths[name]}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** All tools that programs of this machine can use. */
async function usableTools(): Promise<readonly ToolName[]> {
  const problem = await nodeProblem();
  if (problem === undefined) return toolNames;
  log(`not building ${nodeToolNames.join(', ')}: ${problem}`);
  const unusable: ReadonlySet<ToolName> = new Set(nodeToolNames);
  return toolNames.filter((name) => !unusable.has(name));
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

function parseCommandLine(): { readonly help: boolean; readonly names: readonly ToolName[] } | string {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h', default: false } },
    });
    const unknown = positionals.filter((name) => !isToolName(name));
    if (unknown.length > 0) return `unknown tool: ${unknown.join(', ')}`;
    return { help: values.help, names: positionals.filter(isToolName) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void ProcessGroup.stopAll().then(() => process.exit(130)));
}
process.exitCode = await main();

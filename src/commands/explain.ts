import { Command, Option } from 'commander';
import {
  asJson,
  asText,
  coloured,
  type Explained,
  explain,
  InputError,
  type Inventory,
  plain,
  printable,
  readCluster,
  readFiles,
} from '../explain/index.ts';
import { type ImageReference, ImageReferenceError, parseImageReference } from '../image/index.ts';
import { loadKubeConfig, SetupError } from './kubeconfig.ts';

/** For an image nothing fits, though something is needed. */
const EXIT_NOTHING_FITS = 1;
/** Wrong use, or something that cannot be read. */
const EXIT_USAGE = 2;

interface Flags {
  readonly namespace?: string;
  readonly filename: readonly string[];
  readonly output: 'text' | 'json';
}

interface Asked {
  readonly text: string;
  readonly image: ImageReference;
}

/** `image-credential-binding explain`: which credentials fit an image, and what Trivy would be handed. */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'Tells which credentials fit images, in the order in which a registry would be shown them, and what Trivy would ' +
        'be handed. It asks no registry, and prints no password and no token.',
    )
    .argument('<image...>', 'images, as a pod or a scan names them')
    .exitOverride()
    .showHelpAfterError('(--help says what is expected)')
    .addOption(new Option('-n, --namespace <namespace>', 'whose objects count; else that of the kubeconfig'))
    .addOption(
      new Option(
        '-f, --filename <file>',
        'read Secrets, bindings and ScheduledScans from this YAML or JSON file (- is standard input) and ask no ' +
          'cluster; may be repeated. All Secrets in the files count, whatever the bindings name',
      )
        .argParser((file: string, files: readonly string[]) => [...files, file])
        .default([], 'none'),
    )
    .addOption(new Option('-o, --output <format>', 'how to tell').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      `
Exit code: 0 where for each image something fits or nothing is needed, 1 where for one nothing fits, 2 for wrong use
and for what cannot be read. Remarks and problems go to standard error.

Examples:
  image-credential-binding explain registry.example.org/shop/payments:1.0 -n shop
  image-credential-binding explain nginx busybox -f pull-secret.yaml -f bindings.yaml
  kubectl get secrets -o yaml | image-credential-binding explain nginx -f - -o json`,
    )
    .action(async (texts: readonly string[], flags: Flags) => {
      const problem = await run(texts, flags).catch(problemOf);
      if (problem === undefined) return;
      process.stderr.write(`error: ${printable(problem)}\n`);
      process.exitCode = EXIT_USAGE;
    });
}

async function run(texts: readonly string[], { filename, namespace, output }: Flags): Promise<undefined> {
  const images = texts.map((text): Asked => ({ text, image: parseImageReference(text) }));
  const inventory =
    filename.length > 0 ? await readFiles(filename, namespace) : await readConfigured(namespace);
  const explained = images.map(({ text, image }) => explain(text, image, inventory));
  const style = process.stdout.hasColors?.() === true && !process.env['NO_COLOR'] ? coloured : plain;
  const text = output === 'json' ? asJson(explained) : explained.map((one) => asText(one, style)).join('\n');
  process.stdout.write(text);
  for (const line of remarks(inventory, explained)) process.stderr.write(`${printable(line)}\n`);
  if (explained.some(({ outcome }) => outcome === 'NoMatch')) process.exitCode = EXIT_NOTHING_FITS;
  return undefined;
}

async function readConfigured(namespace: string | undefined): Promise<Inventory> {
  const config = await loadKubeConfig();
  const context = config.getContextObject(config.getCurrentContext())?.namespace;
  return readCluster(config, namespace ?? context ?? 'default');
}

/** Each once, though several images share a problem. */
function remarks(inventory: Inventory, explained: readonly Explained[]): ReadonlySet<string> {
  return new Set([...inventory.remarks, ...explained.flatMap(({ problems }) => problems)]);
}

/** The message of what whoever asked can mend; other errors go on. */
function problemOf(error: unknown): string {
  const known = [ImageReferenceError, InputError, SetupError].some((type) => error instanceof type);
  if (error instanceof Error && known) return error.message;
  throw error;
}

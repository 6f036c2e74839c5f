import { type Command, Option } from 'commander';
import { type ImageReference, parseImageReference } from '../../image/index.ts';
import { printable } from '../../text/index.ts';
import { reportUserErrors } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  contextNamespace,
  loadKubeConfig,
  parseNamespace,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { readCluster } from './cluster.ts';
import { type Explained, explain } from './explanation.ts';
import { readFiles } from './files.ts';
import type { Inventory } from './inventory.ts';
import { asJson, asText, coloured, plain } from './text.ts';

/** For an image nothing fits, though something is needed. */
const EXIT_NOTHING_FITS = 1;

interface Flags extends ClusterFlags {
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
  const command = commandWithHelp('explain', {
    notes: 'Remarks and problems go to standard error.',
    exitCodes: [
      '0  for each image something fits, or nothing is needed',
      '1  for one of the images nothing fits',
      '2  wrong use, or something that cannot be read',
    ],
    examples: [
      '% explain registry.example.org/shop/payments:1.0 -n shop',
      '% explain nginx busybox -f pull-secret.yaml -f bindings.yaml',
      'kubectl get secrets -o yaml | % explain nginx -f - -o json',
    ],
  })
    .description(
      'Tells which credentials fit images, in the order in which a registry would be shown them, and what Trivy would ' +
        'be handed. It asks no registry, and prints no password and no token.',
    )
    .argument('<image...>', 'images, as a pod or a scan names them')
    .addOption(
      new Option('-n, --namespace <namespace>', 'whose objects count; else that of the kubeconfig').argParser(
        parseNamespace,
      ),
    )
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
    .action((texts: readonly string[], flags: Flags) => reportUserErrors(run(texts, flags)));
  for (const flag of clusterFlags()) command.addOption(flag);
  return command;
}

async function run(texts: readonly string[], flags: Flags): Promise<void> {
  const { filename, namespace, output } = flags;
  const images = texts.map((text): Asked => ({ text, image: parseImageReference(text) }));
  const inventory = filename.length > 0 ? await readFiles(filename, namespace) : await readConfigured(flags);
  const explained = images.map(({ text, image }) => explain(text, image, inventory));
  const style = process.stdout.hasColors?.() === true && !process.env['NO_COLOR'] ? coloured : plain;
  const text = output === 'json' ? asJson(explained) : explained.map((one) => asText(one, style)).join('\n');
  process.stdout.write(text);
  for (const line of remarks(inventory, explained)) process.stderr.write(`${printable(line)}\n`);
  if (explained.some(({ outcome }) => outcome === 'NoMatch')) process.exitCode = EXIT_NOTHING_FITS;
}

async function readConfigured(flags: Flags): Promise<Inventory> {
  const config = await loadKubeConfig(flags);
  return readCluster(config, flags.namespace ?? contextNamespace(config));
}

/** Each once, though several images share a problem. */
function remarks(inventory: Inventory, explained: readonly Explained[]): ReadonlySet<string> {
  return new Set([...inventory.remarks, ...explained.flatMap(({ problems }) => problems)]);
}

import { type Command, Option } from 'commander';
import { parseImageReference } from '../../image/index.ts';
import { printable } from '../../text/index.ts';
import { reportUserErrors } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  contextNamespace,
  type DeliveryFlag,
  deliveryFlag,
  type FilenameFlags,
  filenameFlags,
  loadKubeConfig,
  parseNamespace,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { type Inventory, readFiles, withDelivery } from '../inventory/index.ts';
import { readCluster } from './cluster.ts';
import { type Explained, explain, type Request } from './explanation.ts';
import { asJson, asText, coloured, plain } from './text.ts';

/** Exit code: an image needs a credential, and none can be used; or a binding would be refused. */
const EXIT_UNRESOLVED = 1;

interface Flags extends ClusterFlags, FilenameFlags, DeliveryFlag {
  readonly namespace?: string;
  readonly output: 'text' | 'json';
  readonly showUsernames?: true;
}

/** `image-credential-binding explain`: shows which credentials fit an image, and what Trivy would get. */
export function explainCommand(): Command {
  const command = commandWithHelp('explain', {
    notes: 'Remarks and problems are printed to standard error.',
    exitCodes: [
      '0  for each image, a credential fits or none is needed',
      '1  for at least one image, no credential can be used, or the API server would refuse a binding in the files',
      '2  incorrect usage, or a file or the cluster cannot be read',
    ],
    examples: [
      '% explain registry.example.org/shop/payments:1.0 -n shop',
      '% explain nginx busybox -f pull-secret.yaml -f bindings.yaml',
      'kubectl get secrets -o yaml | % explain nginx -f - -o json',
    ],
  })
    .description(
      'Show whether and why Trivy can pull an image: the binding that matches it, the credentials that fit, in the order in which they are tried, and what Trivy gets. ' +
        'Contacts no registry, and prints no password and no token. For files, also shows what the controller would report.',
    )
    .argument('<image...>', 'images to explain, as a pod or a scan names them')
    .addOption(
      new Option(
        '-n, --namespace <namespace>',
        'namespace to inspect (default: namespace of the kubeconfig context)',
      ).argParser(parseNamespace),
    )
    .addOption(new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text'))
    .option(
      '--show-usernames',
      'show all user names; by default, only well-known ones are shown, because some registries accept a token as the user name',
    )
    .action((texts: readonly string[], flags: Flags) => reportUserErrors(run(texts, flags)));
  const files = filenameFlags(
    'instead of a cluster, read Secrets, bindings and ScheduledScans from this YAML or JSON file, or from the files in ' +
      'this folder (- for standard input); may be repeated. If no binding matches the image, all Secrets in the files ' +
      'are used',
  );
  for (const flag of [deliveryFlag(), ...files, ...clusterFlags()]) command.addOption(flag);
  return command;
}

async function run(texts: readonly string[], flags: Flags): Promise<void> {
  const { filename, recursive, namespace, output, showUsernames: showsUsernames = false } = flags;
  const requests = texts.map((text): Request => ({ text, image: parseImageReference(text), showsUsernames }));
  const read =
    filename.length > 0 ? await readFiles(filename, namespace, recursive) : await readConfigured(flags);
  const inventory = withDelivery(read, flags.delivery);
  const explained = requests.map((request) => explain(request, inventory));
  const style = process.stdout.hasColors?.() === true && !process.env['NO_COLOR'] ? coloured : plain;
  const text = output === 'json' ? asJson(explained) : explained.map((one) => asText(one, style)).join('\n');
  process.stdout.write(text);
  for (const line of remarks(inventory, explained)) process.stderr.write(`${printable(line)}\n`);
  if (inventory.refused.length > 0 || explained.some(({ isResolved }) => !isResolved))
    process.exitCode = EXIT_UNRESOLVED;
}

async function readConfigured(flags: Flags): Promise<Inventory> {
  const config = await loadKubeConfig(flags);
  return readCluster(config, flags.namespace ?? contextNamespace(config));
}

/** The errors, remarks and problems, each once even if several images share it. */
function remarks(inventory: Inventory, explained: readonly Explained[]): ReadonlySet<string> {
  const errors = inventory.refused.map((line) => `error: ${line}`);
  return new Set([...errors, ...inventory.remarks, ...explained.flatMap(({ problems }) => problems)]);
}

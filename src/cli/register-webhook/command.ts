import { type Command, Option } from 'commander';
import {
  CertificateSecret,
  ForeignConfiguration,
  MissingSecret,
  registerWebhook,
} from '../../certificate/index.ts';
import { hasReason } from '../../kube/index.ts';
import { quoted } from '../../text/index.ts';
import { withCluster } from '../cluster/index.ts';
import { exitOnSignals, reportUserErrors, UserError } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  loadKubeConfig,
  ownNamespace,
  parseNamespace,
  parseObjectName,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';

interface Flags extends ClusterFlags {
  readonly namespace?: string;
  readonly secret: string;
  readonly configuration: string;
}

/** `image-credential-binding register-webhook`: makes API servers trust the admission webhook. */
export function registerWebhookCommand(): Command {
  const command = commandWithHelp('register-webhook', {
    notes:
      'If admission.enabled is true and admission.certificates.source is generate, the chart runs this command after each\n' +
      'installation, upgrade and rollback. It creates an authority and a serving certificate in the Secret if there are none,\n' +
      'and writes the certificate of the authority into the caBundle of each webhook. It replaces an authority after half of\n' +
      'its validity. It creates no object, and can be repeated at any time.',
    exitCodes: [
      '0  API servers trust the authority in the Secret',
      '2  incorrect usage, an object does not exist, or the cluster cannot be read or written',
    ],
    examples: [
      '% register-webhook -n image-credential-binding --secret image-credential-binding-webhook --configuration image-credential-binding',
    ],
  })
    .description('Create the certificates of the admission webhook, and make API servers trust them.')
    .action((flags: Flags) => {
      exitOnSignals();
      return reportUserErrors(run(flags));
    });
  const own = [
    new Option(
      '-n, --namespace <name>',
      'namespace of the Secret (default: namespace of the pod or the kubeconfig context)',
    ).argParser(parseNamespace),
    new Option(
      '--secret <name>',
      'Secret with the certificates; the Service of the webhook has the same name',
    )
      .argParser(parseObjectName)
      .makeOptionMandatory(),
    new Option('--configuration <name>', 'MutatingWebhookConfiguration of the webhook')
      .argParser(parseObjectName)
      .makeOptionMandatory(),
  ];
  for (const flag of [...own, ...clusterFlags()]) command.addOption(flag);
  return command;
}

async function run({ secret: name, configuration, ...flags }: Flags): Promise<void> {
  const config = await loadKubeConfig(flags);
  const namespace = flags.namespace ?? ownNamespace(config);
  const purpose = {
    scope: { kind: 'Namespaces', names: [namespace] },
    needs: 'get and update this Secret and this MutatingWebhookConfiguration',
  } as const;
  const { isAuthorityNew, isChanged } = await withCluster(
    config,
    purpose,
    'register-webhook',
    async (client) => {
      const certificates = new CertificateSecret(client, { namespace, name });
      return registerWebhook(client, certificates, configuration).catch((error: unknown) =>
        explain(error, configuration),
      );
    },
  );
  const authority = isAuthorityNew ? 'created an authority' : 'kept the authority';
  const bundle = isChanged ? 'wrote its certificate into' : 'its certificate already is in';
  process.stdout.write(`${authority}; ${bundle} MutatingWebhookConfiguration ${configuration}\n`);
}

function explain(error: unknown, configuration: string): never {
  if (error instanceof MissingSecret || error instanceof ForeignConfiguration)
    throw new UserError(error.message);
  if (hasReason(error, 'NotFound')) {
    throw new UserError(
      `expected the MutatingWebhookConfiguration ${quoted(configuration)}, found none; install the chart with ` +
        'admission.enabled=true, or correct --configuration',
    );
  }
  if (hasReason(error, 'Invalid', 'BadRequest'))
    throw new UserError(`${error.message}; check the policies and other webhooks that apply to this update`);
  throw error;
}

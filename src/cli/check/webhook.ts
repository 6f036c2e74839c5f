import { BINDING_ANNOTATION } from '../../api/index.ts';
import {
  expiresAt,
  MUTATING_WEBHOOKS,
  splitCertificates,
  type WebhookConfiguration,
} from '../../certificate/index.ts';
import { type KubeClient, KubeError } from '../../kube/index.ts';
import { type KubeObject, SCANS } from '../../object/index.ts';
import { timestamp } from '../../text/index.ts';
import { type CommandScope, listAll } from '../cluster/index.ts';
import type { Controller } from './controller.ts';
import { type Item, missing, ok, type Seen, seen, warning } from './item.ts';
import { ENDPOINT_SLICES } from './resources.ts';

const CHECK = 'admission';
const EFFECT = 'so new Scans start without the credential';
const PAGE = 'docs/admission.md';
/** The resource for which API servers call the webhook. */
const SCANS_RULE = 'scans';

/** A webhook that calls a Service in the namespace of a controller. */
export interface RegisteredWebhook {
  readonly configuration: string;
  readonly service: string;
  /** PEM. */
  readonly caBundle: string;
}

/** The outcome of a Scan that was created as a dry run. */
export type Trial = 'Called' | 'NotCalled' | 'Hidden';

/** Whether API servers call the admission webhook of a controller. Empty: the controller has none. */
export async function webhookItems(
  client: KubeClient,
  controller: Controller,
  scope: CommandScope,
): Promise<readonly Item[]> {
  const place = placeOf(controller, scope);
  if (!controller.admission || place === undefined) return [];
  const { namespace, name } = controller.deployment;
  const found = await seen(
    listAll(client, MUTATING_WEBHOOKS, { scope: { kind: 'All' } }, webhooksIn(namespace)),
  );
  const registered: Seen<RegisteredWebhook | undefined> =
    found.result === 'Seen' ? { result: 'Seen', value: webhookOf(name, found.value.flat()) } : found;
  const webhook = registered.result === 'Seen' ? registered.value : undefined;
  if (webhook === undefined) return [webhookItem(controller, registered, Date.now())];
  const endpoints = await seen(readyEndpoints(client, namespace, webhook.service));
  const trial = await tryScan(client, place, scanTypeOf(controller));
  return [webhookItem(controller, registered, Date.now(), { endpoints, trial })];
}

/** The webhook of a Deployment. Another release in the same namespace may have one, too. The chart derives the name. */
function webhookOf(
  deployment: string,
  webhooks: readonly RegisteredWebhook[],
): RegisteredWebhook | undefined {
  return webhooks.find(({ service }) => service === `${deployment}-webhook`) ?? webhooks[0];
}

/** What the state of the webhook means. */
export function webhookItem(
  { deployment }: Controller,
  registered: Seen<RegisteredWebhook | undefined>,
  now: number,
  { endpoints, trial }: { readonly endpoints: Seen<number>; readonly trial: Trial } = {
    endpoints: { result: 'Hidden' },
    trial: 'Hidden',
  },
): Item {
  const name = `${deployment.namespace}/${deployment.name}`;
  if (registered.result !== 'Seen')
    return warning(CHECK, 'you may not list MutatingWebhookConfigurations', 'ask an administrator');
  const webhook = registered.value;
  if (webhook === undefined) {
    return missing(
      CHECK,
      `Deployment ${name} serves a webhook, but no MutatingWebhookConfiguration calls a Service in its namespace for Scans, ${EFFECT}`,
      'upgrade the chart with admission.enabled=true',
    );
  }
  const what = `MutatingWebhookConfiguration ${webhook.configuration}`;
  const problem = bundleProblem(webhook, now);
  if (problem !== undefined) return missing(CHECK, `${what} ${problem}, ${EFFECT}`, REGISTER);
  if (endpoints.result === 'Seen' && endpoints.value === 0) {
    return missing(
      CHECK,
      `no pod behind the Service ${deployment.namespace}/${webhook.service} is ready, ${EFFECT}`,
      `see kubectl describe pods --namespace ${deployment.namespace}`,
    );
  }
  return calledItem(what, trial, webhook);
}

const REGISTER = `upgrade the chart, or run register-webhook (${PAGE})`;

function calledItem(what: string, trial: Trial, { caBundle }: RegisteredWebhook): Item {
  switch (trial) {
    case 'Called': {
      const [first = ''] = splitCertificates(caBundle);
      return ok(
        CHECK,
        `API servers call the webhook for Scans; its authority is valid until ${timestamp(expiresAt(first))}`,
      );
    }
    case 'NotCalled':
      return missing(
        CHECK,
        `${what} exists, but the webhook did not answer for a Scan (created as a dry run), ${EFFECT}`,
        `compare the caBundle with the certificate, and check that the API server reaches the pods (${PAGE})`,
      );
    case 'Hidden':
      return warning(
        CHECK,
        `${what} exists; you may not create Scans, so this command does not try whether the webhook answers`,
        'ask an administrator, or choose a namespace with --namespace',
      );
  }
}

function bundleProblem({ caBundle }: RegisteredWebhook, now: number): string | undefined {
  const certificates = splitCertificates(caBundle);
  if (certificates.length === 0) return 'has no caBundle';
  return certificates.some((each) => expiresAt(each) > now) ? undefined : 'has a caBundle that has expired';
}

function webhooksIn(namespace: string): (object: KubeObject) => readonly RegisteredWebhook[] | undefined {
  return (object) => {
    // The API server has checked the shape.
    const { metadata, webhooks = [] } = object as WebhookConfiguration;
    const found = webhooks.filter(
      ({ clientConfig, rules = [] }) =>
        clientConfig.service?.namespace === namespace &&
        rules.some(
          ({ resources, apiGroups }) => resources.includes(SCANS_RULE) && apiGroups.includes(SCANS.group),
        ),
    );
    if (found.length === 0) return undefined;
    return found.map(({ clientConfig }) => ({
      configuration: metadata.name,
      service: clientConfig.service?.name ?? '',
      caBundle: atob(clientConfig.caBundle ?? ''),
    }));
  };
}

async function readyEndpoints(client: KubeClient, namespace: string, service: string): Promise<number> {
  const scope = { kind: 'Namespaces', names: [namespace] } as const;
  const labelSelector = `kubernetes.io/service-name=${service}`;
  const slices = await listAll(client, ENDPOINT_SLICES, { scope, labelSelector }, (object) => {
    // The API server has checked the shape.
    const { endpoints } = object as KubeObject & {
      readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
    };
    // Without the condition, an endpoint counts as ready.
    return (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
  });
  return slices.reduce((sum, count) => sum + count, 0);
}

/** A namespace for which API servers call the webhook; undefined: none of those that the user asks about. */
function placeOf({ namespaces, deployment }: Controller, scope: CommandScope): string | undefined {
  const asked = scope.kind === 'Namespaces' ? scope.names : undefined;
  if (namespaces === 'all') return asked?.[0] ?? deployment.namespace;
  return asked === undefined ? namespaces[0] : namespaces.find((name) => asked.includes(name));
}

/** A scan type for which API servers call the webhook. */
function scanTypeOf({ scanTypes }: Controller): string {
  return (scanTypes?.[0] ?? 'trivy-image').replaceAll('*', '');
}

/**
 * Creates a Scan as a dry run. It has our annotation, as a Scan of a cascade inherits it, and an image that no binding matches. So the
 * webhook removes the annotation if it is called.
 */
async function tryScan(client: KubeClient, namespace: string, scanType: string): Promise<Trial> {
  const scan = {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'Scan',
    metadata: { generateName: 'check-', namespace, annotations: { [BINDING_ANNOTATION]: 'check' } },
    spec: { scanType, parameters: ['check.invalid/image:1'] },
  };
  try {
    // A name is generated for it.
    const stored = await client.create(SCANS, scan as unknown as KubeObject, { dryRun: true });
    return stored.metadata.annotations?.[BINDING_ANNOTATION] === undefined ? 'Called' : 'NotCalled';
  } catch (error) {
    // Another policy may refuse the Scan.
    if (error instanceof KubeError && error.status >= 400 && error.status < 500) return 'Hidden';
    throw error;
  }
}

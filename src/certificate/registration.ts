import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../kube/index.ts';
import type { KubeObject, Resource } from '../object/index.ts';
import { type CertificateSecret, withNewestVersion } from './certificate-secret.ts';
import { bundleOf, type Content } from './content.ts';
import { completed, isReplacementDue, replaced } from './renewal.ts';

export const MUTATING_WEBHOOKS: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
};

interface Webhook {
  readonly name: string;
  readonly clientConfig: {
    readonly caBundle?: string;
    readonly service?: { readonly namespace: string; readonly name: string };
  };
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
  }[];
}
export type WebhookConfiguration = KubeObject & { readonly webhooks?: readonly Webhook[] };

/** How long API servers may take to learn from a watch that a webhook configuration has changed, in milliseconds. */
export const PROPAGATION_MS = 5_000;

/** The MutatingWebhookConfiguration belongs to another program, so its webhooks must keep the authority that they trust. */
export class ForeignConfiguration extends Error {
  override readonly name = 'ForeignConfiguration';

  constructor(name: string, host: string) {
    super(
      `expected a webhook in the MutatingWebhookConfiguration ${name} that calls the Service ${host}, found none; correct the ` +
        'names of the configuration and of the Secret',
    );
  }
}

/** What {@link registerWebhook} has done. */
export interface Registration {
  /** Whether a new authority was created. */
  readonly isAuthorityNew: boolean;
  /** Whether the `caBundle` was changed. */
  readonly isChanged: boolean;
}

/**
 * Creates the certificates if there are none, replaces an authority after half of its validity, and makes API servers trust
 * the authority. Can be repeated at any time.
 *
 * @param configuration - name of the MutatingWebhookConfiguration
 * @throws MissingSecret, ForeignConfiguration, KubeError
 */
export async function registerWebhook(
  client: KubeClient,
  certificates: CertificateSecret,
  configuration: string,
): Promise<Registration> {
  const target = { name: configuration, host: certificates.host };
  return withNewestVersion(async () => {
    const { secret, read } = await certificates.read();
    const now = Date.now();
    if (read.result === 'Usable' && !isReplacementDue(read.content, now))
      return { isAuthorityNew: false, isChanged: await trust(client, target, read.content) };
    if (read.result === 'Usable') {
      const next = await replaced(read.content, certificates.host, now);
      // Before the write, because replicas use the new authority as soon as they have read the Secret.
      await trust(client, target, next);
      await sleep(PROPAGATION_MS);
      await certificates.write(secret, next);
      return { isAuthorityNew: true, isChanged: true };
    }
    const content = await completed(read, certificates.host, now);
    await certificates.write(secret, content);
    const isChanged = await trust(client, target, content);
    return { isAuthorityNew: read.result === 'NoAuthority', isChanged };
  });
}

/** The webhooks for which API servers trust the authorities. */
interface Target {
  /** Name of the MutatingWebhookConfiguration. */
  readonly name: string;
  /** DNS name of the Service of the webhooks. */
  readonly host: string;
}

/** Writes the authorities into each webhook that calls the Service. Returns whether this changed a webhook. */
async function trust(client: KubeClient, { name, host }: Target, content: Content): Promise<boolean> {
  return withNewestVersion(async () => {
    const caBundle = btoa(bundleOf(content));
    const found = await client.get<WebhookConfiguration>(MUTATING_WEBHOOKS, { namespace: undefined, name });
    const isOurs = ({ clientConfig: { service } }: Webhook) =>
      service !== undefined && `${service.name}.${service.namespace}.svc` === host;
    const ours = found.webhooks?.filter(isOurs) ?? [];
    if (ours.length === 0) throw new ForeignConfiguration(name, host);
    if (ours.every(({ clientConfig }) => clientConfig.caBundle === caBundle)) return false;
    const webhooks = found.webhooks?.map((webhook) =>
      isOurs(webhook) ? { ...webhook, clientConfig: { ...webhook.clientConfig, caBundle } } : webhook,
    );
    await client.replace(MUTATING_WEBHOOKS, { ...found, webhooks });
    return true;
  });
}

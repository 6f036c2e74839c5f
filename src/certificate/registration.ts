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

/** What {@link registerWebhook} has done. */
export interface Registration {
  /** Whether a new authority was created. */
  readonly isAuthorityNew: boolean;
  /** Whether the `caBundle` was changed. */
  readonly isChanged: boolean;
}

/**
 * Creates the certificates if there are none, replaces an authority that has used up half of its time, and makes API
 * servers trust the authority. Can be repeated at any time.
 *
 * @param configuration - name of the MutatingWebhookConfiguration
 * @throws MissingSecret, KubeError
 */
export async function registerWebhook(
  client: KubeClient,
  certificates: CertificateSecret,
  configuration: string,
): Promise<Registration> {
  return withNewestVersion(async () => {
    const { secret, read } = await certificates.read();
    const now = Date.now();
    if (read.result === 'Usable' && !isReplacementDue(read.content, now))
      return { isAuthorityNew: false, isChanged: await trust(client, configuration, read.content) };
    if (read.result === 'Usable') {
      const next = await replaced(read.content, certificates.host, now);
      // First, because replicas serve with the new authority as soon as they have read the Secret.
      await trust(client, configuration, next);
      await sleep(PROPAGATION_MS);
      await certificates.write(secret, next);
      return { isAuthorityNew: true, isChanged: true };
    }
    const content = await completed(read, certificates.host, now);
    await certificates.write(secret, content);
    const isChanged = await trust(client, configuration, content);
    return { isAuthorityNew: read.result === 'NoAuthority', isChanged };
  });
}

/** Writes the authorities into each webhook of the configuration. Returns whether one of them had others. */
async function trust(client: KubeClient, name: string, content: Content): Promise<boolean> {
  return withNewestVersion(async () => {
    const caBundle = btoa(bundleOf(content));
    const found = await client.get<WebhookConfiguration>(MUTATING_WEBHOOKS, { namespace: undefined, name });
    const webhooks = (found.webhooks ?? []).map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle },
    }));
    if (found.webhooks?.every(({ clientConfig }) => clientConfig.caBundle === caBundle)) return false;
    await client.replace(MUTATING_WEBHOOKS, { ...found, webhooks });
    return true;
  });
}

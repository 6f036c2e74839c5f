import { setTimeout as sleep } from 'node:timers/promises';
import { MUTATING_WEBHOOKS, PROPAGATION_MS } from '../../certificate/index.ts';
import { hasReason, type KubeClient } from '../../kube/index.ts';
import { storedMeta } from '../../object/index.ts';
import type { CommandScope } from '../cluster/index.ts';
import {
  HeldScanResumer,
  heldScans,
  isResumed,
  type ReportProgress,
  UnbindNamespaces,
} from '../unbind/index.ts';

const PAUSE_MS = 1_000;

/** What {@link unregisterWebhook} has done. */
export interface Unregistration {
  /** Whether the MutatingWebhookConfiguration existed, and was deleted. */
  readonly isDeleted: boolean;
  /** Number of Scans that this command has resumed. */
  readonly resumed: number;
  /** Sentences about Scans that are still held, and about namespaces that could not be read. */
  readonly left: readonly string[];
}

/**
 * Deletes the configuration of the webhook, so that no further Scan is held. Then waits until the controller has decided on the held
 * Scans, and resumes those that are left, as they are. Can be repeated at any time.
 *
 * @param settings.configuration - name of the MutatingWebhookConfiguration
 * @param settings.holdTimeoutMs - how long to wait for the controller
 * @throws KubeError
 */
export async function unregisterWebhook(
  client: KubeClient,
  settings: {
    readonly configuration: string;
    readonly scope: CommandScope;
    readonly holdTimeoutMs: number;
  },
  progress: ReportProgress,
): Promise<Unregistration> {
  const isDeleted = await deleteConfiguration(client, settings.configuration);
  // API servers may call the webhook until they have learned of the deletion.
  if (isDeleted) await sleep(PROPAGATION_MS);
  const namespaces = new UnbindNamespaces(client, settings.scope);
  await waitForController(namespaces, settings.holdTimeoutMs, progress);
  const resumer = new HeldScanResumer(client, namespaces, progress);
  await resumer.run();
  return { isDeleted, resumed: resumer.count, left: [...namespaces.problems, ...resumer.left] };
}

async function deleteConfiguration(client: KubeClient, name: string): Promise<boolean> {
  try {
    const found = await client.get(MUTATING_WEBHOOKS, { namespace: undefined, name });
    const { uid, resourceVersion } = storedMeta(found);
    await client.delete(MUTATING_WEBHOOKS, { namespace: undefined, name, uid, resourceVersion });
    return true;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false;
    throw error;
  }
}

/** Returns early if no Scan is held. A Scan that a user has created suspended is not waited for. */
async function waitForController(
  namespaces: UnbindNamespaces,
  timeoutMs: number,
  progress: ReportProgress,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (let isReported = false; ; isReported = true) {
    const held = await heldScans(namespaces);
    const waiting = held.filter(isResumed);
    if (waiting.length === 0 || performance.now() >= end) return;
    if (!isReported) progress(`waiting for the controller to resume held Scans (${waiting.length})`);
    await sleep(PAUSE_MS);
  }
}

import { imageCredentialBindings, MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/index.ts';
import type { KubeClient, Selection } from '../../../src/kube/client/client.ts';
import {
  apiVersionOf,
  type KubeObject,
  keyOf,
  type Resource,
  storedMeta,
} from '../../../src/object/object.ts';
import { type Binding, SCHEDULED_SCANS, SECRETS } from '../../support/cluster/cluster.ts';

type ScheduledScan = KubeObject & { readonly spec: unknown };

/** The outcome for the bindings of an estate: everything that a writer who knows it must write. */
export interface Outcome {
  readonly trivySecrets: readonly KubeObject[];
  readonly bindings: readonly {
    readonly namespace: string;
    /** Name of both the binding and its ScheduledScan. */
    readonly name: string;
    readonly status: Binding['status'];
    readonly scan: { readonly annotations: KubeObject['metadata']['annotations']; readonly spec: unknown };
  }[];
}

/** Reads the outcome that the controller has produced. */
export async function readOutcome(client: KubeClient): Promise<Outcome> {
  const managed = { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` };
  const secrets = await listAll(client, SECRETS, managed);
  const scans = await listAll<ScheduledScan>(client, SCHEDULED_SCANS);
  const bindings = await listAll<Binding>(client, imageCredentialBindings);
  const scanOf = new Map(scans.map((scan) => [keyOf(storedMeta(scan)), scan]));
  return {
    trivySecrets: secrets.map(asNew),
    bindings: bindings.map((binding) => {
      const { namespace, name } = storedMeta(binding);
      const { metadata, spec } = scanOf.get(keyOf({ namespace, name })) ?? { metadata: undefined, spec: {} };
      return { namespace, name, status: binding.status, scan: { annotations: metadata?.annotations, spec } };
    }),
  };
}

/** Removes the fields that the API server sets, and adds apiVersion and kind, which items of a list lack. */
function asNew(secret: KubeObject): KubeObject {
  const { namespace = '', name, labels = {}, annotations = {} } = secret.metadata;
  const type = { apiVersion: apiVersionOf(SECRETS), kind: SECRETS.kind };
  return { ...secret, ...type, metadata: { namespace, name, labels, annotations } };
}

async function listAll<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  selection: Selection = {},
): Promise<readonly T[]> {
  const items: KubeObject[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(resource, selection, next);
    items.push(...page.items);
    next = page.next;
  } while (next !== undefined);
  // The API server lists the requested resource.
  return items as T[];
}

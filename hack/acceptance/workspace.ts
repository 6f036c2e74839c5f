import { setTimeout as delay } from 'node:timers/promises';
import { hasReason, type KubeClient } from '../../src/kube/index.ts';
import { type KubeObject, NAMESPACES, type Resource, SCHEDULED_SCANS } from '../../src/object/index.ts';
import type { Redaction } from '../scenario/index.ts';

export const DEPLOYMENTS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
};
export const PODS: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };
export const JOBS: Resource = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job' };
export const EVENTS: Resource = { group: '', version: 'v1', plural: 'events', kind: 'Event' };
export const SCAN_TYPES: Resource = { ...SCHEDULED_SCANS, plural: 'scantypes', kind: 'ScanType' };
export const PARSE_DEFINITIONS: Resource = {
  ...SCHEDULED_SCANS,
  plural: 'parsedefinitions',
  kind: 'ParseDefinition',
};

/** Tries of a write if other clients write the same object. */
const TRIES = 10;
const PAUSE_MS = 200;

/** The namespace of the acceptance run. */
export class Workspace {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Hides the values of all Secrets that the run reads. */
  readonly redaction: Redaction;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;

  constructor(parts: Pick<Workspace, 'client' | 'namespace' | 'redaction' | 'signal'>) {
    this.client = parts.client;
    this.namespace = parts.namespace;
    this.redaction = parts.redaction;
    this.signal = parts.signal;
  }

  /** An object; undefined: it does not exist. */
  async get<T extends KubeObject>(resource: Resource, name: string): Promise<T | undefined> {
    return ifFound(this.client.get<T>(resource, { namespace: this.namespace, name }));
  }

  /** All objects of a resource in the namespace. Their number is small, because the run has created the namespace. */
  async list(resource: Resource): Promise<readonly KubeObject[]> {
    const found: KubeObject[] = [];
    let next: string | undefined;
    do {
      const page = await this.client.list(resource, { namespace: this.namespace }, next);
      found.push(...page.items);
      next = page.next;
    } while (next !== undefined);
    return found;
  }

  async create(
    resource: Resource,
    object: KubeObject & Readonly<Record<string, unknown>>,
  ): Promise<KubeObject> {
    const { group, version, kind } = resource;
    return this.client.create(resource, {
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind,
      ...object,
      metadata: { ...object.metadata, namespace: this.namespace },
    });
  }

  /** Applies a JSON merge patch. */
  async patch(resource: Resource, name: string, patch: object): Promise<void> {
    await this.client.patch(resource, { namespace: this.namespace, name }, patch);
  }

  /** Deletes an object of any version. Does nothing if it does not exist. */
  async delete(resource: Resource, name: string): Promise<void> {
    await deleteAnyVersion(this.client, resource, { namespace: this.namespace, name });
  }
}

/** The namespace that the run has created. */
export interface CreatedNamespace {
  readonly name: string;
  readonly uid: string;
}

/** Requests the deletion of the namespace, unless it is another one of the same name by now. */
export async function deleteNamespace(client: KubeClient, { name, uid }: CreatedNamespace): Promise<void> {
  await deleteAnyVersion(client, NAMESPACES, { namespace: undefined, name, uid });
}

interface ObjectIdentity {
  readonly namespace: string | undefined;
  readonly name: string;
  /** undefined: any object of this name. */
  readonly uid?: string;
}

async function deleteAnyVersion(
  client: KubeClient,
  resource: Resource,
  object: ObjectIdentity,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await tryToDelete(client, resource, object);
      return;
    } catch (error) {
      if (!hasReason(error, 'Conflict') || tries === TRIES) throw error;
      await delay(PAUSE_MS);
    }
  }
}

/** @throws KubeError `Conflict` if another client writes the object at the same time */
async function tryToDelete(client: KubeClient, resource: Resource, object: ObjectIdentity): Promise<void> {
  const present = await ifFound(client.get(resource, object));
  if (present === undefined) return;
  const { uid = '', resourceVersion = '', deletionTimestamp } = present.metadata;
  if (deletionTimestamp !== undefined || uid !== (object.uid ?? uid)) return;
  await ifFound(client.delete(resource, { ...object, uid, resourceVersion }));
}

/** The object; undefined: it does not exist. */
export async function ifFound<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

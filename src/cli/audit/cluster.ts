import type { KubeConfig } from '@kubernetes/client-node';
import { imageCredentialBindings } from '../../api/index.ts';
import type { RawBinding } from '../../binding/index.ts';
import { hasReason, type KubeClient, KubeError } from '../../kube/index.ts';
import { compareText, isSimilar, quoted } from '../../text/index.ts';
import {
  type CommandScope,
  checkNamespaces,
  emptyNamespaces,
  ifFound,
  listAll,
  withCluster,
} from '../cluster/index.ts';
import { UserError } from '../errors.ts';
import { type AuditEntry, auditEntry } from './details.ts';

type Namespaces = Extract<CommandScope, { readonly kind: 'Namespaces' }>;

/** Which bindings to read: those with a name, or those that a label selector selects. */
export type AuditQuery =
  | { readonly by: 'Name'; readonly scope: Namespaces; readonly names: readonly string[] }
  | { readonly by: 'Selector'; readonly scope: CommandScope; readonly selector: string | undefined };

export interface Audit {
  /** Sorted by namespace and name. */
  readonly entries: readonly AuditEntry[];
  /** Sentences about named bindings that do not exist in any of the namespaces. */
  readonly missing: readonly string[];
}

/**
 * Reads bindings with the rights of the user.
 *
 * @throws UserError if the API server cannot be reached or refuses, also the selector, or if a namespace or our CRD does not
 *   exist
 */
export async function readAudit(config: KubeConfig, query: AuditQuery): Promise<Audit> {
  const verb = query.by === 'Name' ? 'get' : 'list';
  const purpose = { scope: query.scope, needs: `${verb} imagecredentialbindings` };
  return withCluster(config, purpose, 'audit', async (client) => {
    const { entries, missing } =
      query.by === 'Name'
        ? await namedBindings(client, query.scope, query.names)
        : { entries: await selectedBindings(client, query.scope, query.selector), missing: [] };
    return { entries: entries.toSorted(byName), missing };
  });
}

function byName({ row: a }: AuditEntry, { row: b }: AuditEntry): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

async function selectedBindings(
  client: KubeClient,
  scope: CommandScope,
  labelSelector: string | undefined,
): Promise<readonly AuditEntry[]> {
  const selection = labelSelector === undefined ? { scope } : { scope, labelSelector };
  try {
    // The CRD has checked the shape.
    const entries = await listAll(client, imageCredentialBindings, selection, (object) =>
      auditEntry(object as RawBinding),
    );
    await checkNamespaces(
      client,
      emptyNamespaces(
        scope,
        entries.map(({ row }) => row),
      ),
    );
    return entries;
  } catch (error) {
    // The API server parses the selector, and says what is wrong with it.
    if (labelSelector === undefined || !(error instanceof KubeError) || error.status !== 400) throw error;
    throw new UserError(
      `the API server refused the label selector ${quoted(labelSelector)}: ${error.message}; correct --selector, for ` +
        "example to app=payments, 'app in (payments, cart)' or '!app'",
    );
  }
}

async function namedBindings(
  client: KubeClient,
  scope: Namespaces,
  names: readonly string[],
): Promise<Audit> {
  const wanted = scope.names.flatMap((namespace) => names.map((name) => ({ namespace, name })));
  const found = await Promise.all(
    wanted.map((place) => ifFound(client.get<RawBinding>(imageCredentialBindings, place))),
  );
  const entries = found.filter((binding) => binding !== undefined).map(auditEntry);
  const present = new Set(entries.map(({ row }) => row.name));
  const absent = names.filter((name) => !present.has(name));
  if (absent.length === 0) return { entries, missing: [] };
  const known = await knownNames(client, scope);
  return { entries, missing: absent.map((name) => missingBinding(name, scope, known)) };
}

/** The names of all bindings of the scope; none if the user may not list them. */
async function knownNames(client: KubeClient, scope: Namespaces): Promise<readonly string[]> {
  try {
    const selection = { scope, metadataOnly: true };
    const bindings = await listAll(client, imageCredentialBindings, selection, ({ metadata }) => ({
      namespace: metadata.namespace ?? '',
      name: metadata.name,
    }));
    await checkNamespaces(client, emptyNamespaces(scope, bindings));
    return bindings.map(({ name }) => name);
  } catch (error) {
    if (hasReason(error, 'Forbidden')) return [];
    throw error;
  }
}

function missingBinding(name: string, scope: Namespaces, known: readonly string[]): string {
  const similar = known.find((each) => isSimilar(each, name));
  const hint = similar === undefined ? '' : ` did you mean ${quoted(similar)}?`;
  return (
    `the binding ${quoted(name)} does not exist in ${scope.names.map(quoted).join(', ')};${hint} correct the name, or choose ` +
    'another namespace with --namespace'
  );
}

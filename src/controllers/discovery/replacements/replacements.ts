import type { IndexedNamespace } from '../indexed-namespace.ts';
import type { DiscoveredBinding } from '../observed.ts';
import type { RepositoryUse } from '../usage/index.ts';
import { type Replacement, ReplacementGraph } from './graph.ts';
import { type RepositoryChange, repositoryChangesOf } from './repository-changes.ts';

/**
 * Which repository replaces which. What pods show takes precedence over the specs of bindings. An entry of
 * `spec.replaces` is kept while a ScheduledScan names its repository.
 */
export function replacementsOf(namespace: IndexedNamespace): ReplacementGraph {
  const { observed, userManaged } = namespace;
  const graph = new ReplacementGraph();
  for (const { repository = '', replaces } of observed.userCreated) {
    for (const from of replaces) graph.add(repository, from);
  }
  graph.addAcyclic(possibleReplacements(namespace).filter(([to]) => !userManaged.has(to)));
  return graph;
}

/**
 * The replacements to add, in the order of precedence:
 *
 * 1. changes of repositories that pods show now
 * 2. for each of these changes, what the binding of the previous repository replaces
 * 3. other names of the images that pods use now
 * 4. replacements that only the specs of bindings name
 */
function* possibleReplacements(namespace: IndexedNamespace): Generator<Replacement> {
  const { observed, discovered, usage } = namespace;
  const inSpec = (binding: DiscoveredBinding | undefined, to: string): readonly Replacement[] =>
    (binding?.replaces ?? []).filter(observed.isScanned).map((from) => [to, from]);
  const changes = repositoryChangesOf(usage, discovered).filter((change) => isRelevant(namespace, change));
  for (const { from, to } of changes) yield [to, from];
  for (const { from, to } of changes) yield* inSpec(discovered.get(from), to);
  for (const [to, use] of usage.repositories) yield* reportedFor(namespace, to, use);
  for (const [to, binding] of discovered) yield* inSpec(binding, to);
}

/** Whether ScheduledScans may name the previous repository, and one of the two repositories needs a pull secret. */
function isRelevant(
  { observed, discovered, usage, userManaged }: IndexedNamespace,
  { from, to, inProgress }: RepositoryChange,
): boolean {
  if (userManaged.has(to) || (!inProgress && !observed.isScanned(from))) return false;
  const needsSecret = (repository: string) =>
    (usage.repositories.get(repository)?.imagePullSecrets.size ?? 0) > 0;
  return discovered.has(from) || needsSecret(from) || needsSecret(to);
}

/** Other repositories that runtimes report for the same digests. */
function reportedFor(
  namespace: IndexedNamespace,
  to: string,
  { imagePullSecrets, reported }: RepositoryUse,
): readonly Replacement[] {
  if (imagePullSecrets.size === 0) return [];
  return [...reported].filter((from) => isOnlyScanned(namespace, from)).map((from) => [to, from]);
}

/** Whether a ScheduledScan names the repository, but no pod and no user-created binding does. */
function isOnlyScanned({ observed, usage, userManaged }: IndexedNamespace, repository: string): boolean {
  return (
    !usage.repositories.has(repository) && !userManaged.has(repository) && observed.isScanned(repository)
  );
}

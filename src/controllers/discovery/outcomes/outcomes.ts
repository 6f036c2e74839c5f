import { MOST_USERS } from '../../../binding/index.ts';
import type { GracePeriods } from '../grace-periods.ts';
import type { IndexedNamespace } from '../indexed-namespace.ts';
import { MOST_PULL_SECRETS, MOST_REPLACES } from '../limits.ts';
import type { DiscoveredBinding } from '../observed.ts';
import type { ReplacementGraph } from '../replacements/index.ts';
import type { RepositoryUse, Usage } from '../usage/index.ts';
import type { BindingOutcome } from './outcome.ts';
import { outcomeOfUnused } from './unused.ts';

/** A repository without a user-created binding. */
interface Subject {
  readonly repository: string;
  readonly binding: DiscoveredBinding | undefined;
  /** The users to list. */
  readonly users: readonly string[];
  readonly replaces: readonly string[];
}

/** The outcome for each discovered binding, and for each repository that needs one. */
export function outcomesOf(
  namespace: IndexedNamespace,
  found: { readonly users: ReadonlyMap<string, readonly string[]>; readonly replacements: ReplacementGraph },
  gracePeriods: GracePeriods,
): readonly BindingOutcome[] {
  const { observed, discovered, userManaged } = namespace;
  const outcomes: BindingOutcome[] = [];
  for (const [repository, users] of found.users) {
    const binding = discovered.get(repository);
    if (!userManaged.has(repository)) {
      const replaces = found.replacements.of(repository).slice(0, MOST_REPLACES);
      outcomes.push(...outcomeOf(namespace, { repository, binding, users, replaces }, gracePeriods));
    } else if (binding !== undefined)
      outcomes.push({ outcome: 'Delete', binding, why: 'a user-created binding matches its image' });
  }
  for (const binding of observed.discovered) {
    if (discovered.get(binding.repository ?? '') !== binding)
      outcomes.push(outcomeOfUnused(observed, { repository: '', binding, content: binding }, gracePeriods));
  }
  return outcomes;
}

function outcomeOf(
  { observed, usage }: IndexedNamespace,
  { repository, binding, users, replaces }: Subject,
  gracePeriods: GracePeriods,
): readonly BindingOutcome[] {
  const use = usage.repositories.get(repository);
  if (use !== undefined) {
    const imagePullSecrets = pullSecretsOf(use, binding, users);
    if (imagePullSecrets.length > 0 || replaces.length > 0) {
      const content = { imagePullSecrets, replaces, users, unusedSince: undefined };
      return [{ outcome: 'Keep', repository, binding, content }];
    }
  }
  if (binding === undefined) return [];
  if (users.length === 0 && haveUsersChangedRepository(usage, binding))
    return [{ outcome: 'Delete', binding, why: 'all its users have changed to another repository' }];
  const { imagePullSecrets } = binding;
  const content = { imagePullSecrets, replaces, users };
  return [outcomeOfUnused(observed, { repository, binding, content }, gracePeriods)];
}

/**
 * Whether users that the binding lists now use another repository. False if the list is full, because a user that is
 * not listed may be missing.
 */
function haveUsersChangedRepository({ templatedContainers }: Usage, { users }: DiscoveredBinding): boolean {
  return users.length < MOST_USERS && users.some((user) => templatedContainers.has(user));
}

/** Removes no pull secret while a listed user is missing, because that user may need it when it is back. */
function pullSecretsOf(
  use: RepositoryUse,
  binding: DiscoveredBinding | undefined,
  users: readonly string[],
): readonly string[] {
  const allPresent = users.every((user) => use.users.has(user));
  const kept = allPresent ? [] : (binding?.imagePullSecrets ?? []);
  const secrets = new Set(kept);
  for (const secret of use.imagePullSecrets) {
    if (secrets.size >= MOST_PULL_SECRETS) break;
    secrets.add(secret);
  }
  return [...secrets].slice(0, MOST_PULL_SECRETS);
}

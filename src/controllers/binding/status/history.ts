import type {
  ChosenCredential,
  ConditionType,
  ImageCredentialBindingStatus,
  Transition,
} from '../../../api/index.ts';
import type { Binding, ValidBinding } from '../../../binding/index.ts';
import { formatReference, repositoryName } from '../../../image/index.ts';
import { platformOf } from '../../../platform/index.ts';
import type { ScanMigration } from './migrations.ts';
import { migrationReason } from './migrations.ts';

const MOST_TRANSITIONS = 10;
/** Reasons of CredentialResolved for which scans are bound without a credential. */
const WITHOUT: ReadonlySet<string> = new Set(['Anonymous', 'NoneNeeded']);

/**
 * What scans use according to a status: an entry, or no credential because none is needed. `Unknown`: the status does not
 * say.
 */
type Used =
  | { readonly use: 'Credential'; readonly credential: ChosenCredential }
  | { readonly use: 'None' }
  | { readonly use: 'Unknown' };

/** A change of the entry that scans use. The first use, and a new value of the same entry, are not changes. */
export interface CredentialChange {
  readonly from: Exclude<Used, { use: 'Unknown' }>;
  readonly to: Exclude<Used, { use: 'Unknown' }>;
}

/** The change that CredentialChanged reports: another Secret, another entry, or a change to or from no credential. */
export function credentialChange(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): CredentialChange | undefined {
  const from = used(before ?? {});
  const to = used(after);
  if (from.use === 'Unknown' || to.use === 'Unknown' || isSame(from, to)) return undefined;
  return { from, to };
}

function used({ credential, conditions }: ImageCredentialBindingStatus): Used {
  if (credential !== undefined) return { use: 'Credential', credential };
  const type: ConditionType = 'CredentialResolved';
  const resolved = conditions?.find((condition) => condition.type === type);
  return { use: WITHOUT.has(resolved?.reason ?? '') ? 'None' : 'Unknown' };
}

function isSame(a: CredentialChange['from'], b: CredentialChange['to']): boolean {
  if (a.use === 'None' || b.use === 'None') return a.use === b.use;
  return (
    a.credential.secret.name === b.credential.secret.name &&
    a.credential.registryKey === b.credential.registryKey
  );
}

function transitionOf(
  migration: ScanMigration,
  binding: ValidBinding,
  status: ImageCredentialBindingStatus,
  time: string,
): Transition {
  const { from, source, scans } = migration;
  const secret = status.credential?.secret.name;
  return {
    time,
    reason: migrationReason(migration, binding),
    from: {
      platform: platformOf(from.host).name,
      image: repositoryName(from),
      ...(source === undefined ? {} : { secret: source }),
    },
    to: {
      ...platformIn(status),
      image: formatReference(binding.image),
      ...(secret === undefined ? {} : { secret }),
    },
    scans: scans.length,
  };
}

/**
 * The history of a binding, with the migrations, or else the change of the credential in `status`, as its first entries.
 *
 * @param time - RFC 3339
 */
export function historyOf(
  binding: Binding,
  status: ImageCredentialBindingStatus,
  { time, migrations }: { readonly time: string; readonly migrations: readonly ScanMigration[] },
): readonly Transition[] {
  const before = binding.status;
  const history = before?.history ?? [];
  if (binding.validity === 'Invalid') return history;
  const { image } = binding;
  if (migrations.length > 0) {
    const transitions = migrations.map((migration) => transitionOf(migration, binding, status, time));
    return [...transitions, ...history].slice(0, MOST_TRANSITIONS);
  }
  const change = credentialChange(before, status);
  if (change === undefined) return history;
  const present = formatReference(image);
  const earlier = before?.credential?.repository;
  const transition: Transition = {
    time,
    reason: 'CredentialChanged',
    from: {
      ...platformIn(before ?? {}),
      image: earlier === undefined || earlier === repositoryName(image) ? present : earlier,
      ...secretIn(change.from),
    },
    to: { ...platformIn(status), image: present, ...secretIn(change.to) },
    scans: status.scans?.bound ?? 0,
  };
  return [transition, ...history].slice(0, MOST_TRANSITIONS);
}

function platformIn({ platform }: ImageCredentialBindingStatus): Pick<Transition['to'], 'platform'> {
  return platform === undefined ? {} : { platform };
}

function secretIn(side: CredentialChange['to']): Pick<Transition['to'], 'secret'> {
  return side.use === 'None' ? {} : { secret: side.credential.secret.name };
}

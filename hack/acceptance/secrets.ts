import { isDeepStrictEqual } from 'node:util';
import { GROUP } from '../../src/api/index.ts';
import { UserError } from '../../src/cli/index.ts';
import type { KubeClient } from '../../src/kube/index.ts';
import { type KubeObject, keyOf, SECRETS } from '../../src/object/index.ts';
import type { Redaction } from '../scenario/index.ts';
import type { ObjectName, Options } from './options.ts';
import { ifFound, type Workspace } from './workspace.ts';

/** The pull secret of the image, and after the migration. */
export const PULL_SECRET = 'acceptance-pull-secret';
/** The pull secret after the migration, if it has another credential. */
const NEW_PULL_SECRET = 'acceptance-new-pull-secret';

export interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** The pull secrets of the user. */
export interface Sources {
  readonly first: Secret;
  /** With the new password; undefined: the password change is skipped. */
  readonly rotated: Secret | undefined;
  /** Of the new repository; undefined: {@link PULL_SECRET} has its credential, too, or the migration is skipped. */
  readonly migrated: Secret | undefined;
}

/**
 * Reads the pull secrets of the user, and hides their values.
 *
 * @throws UserError if one does not exist, or if the rotated one cannot take the place of the first
 */
export async function readSources(
  client: KubeClient,
  { pullSecret, rotation, migration }: Options,
  redaction: Redaction,
): Promise<Sources> {
  const read = (name: ObjectName) => readSource(client, name, redaction);
  const first = await read(pullSecret);
  const rotated = rotation === undefined ? undefined : await read(rotation.pullSecret);
  if (rotated !== undefined) checkRotated(first, rotated);
  const last = rotation?.pullSecret ?? pullSecret;
  const isSame = migration === undefined || keyOf(migration.pullSecret) === keyOf(last);
  return { first, rotated, migrated: isSame ? undefined : await read(migration.pullSecret) };
}

async function readSource(client: KubeClient, place: ObjectName, redaction: Redaction): Promise<Secret> {
  const secret = await ifFound(client.get<Secret>(SECRETS, place));
  if (secret === undefined) {
    throw new UserError(
      `the Secret ${keyOf(place)} does not exist; create it with kubectl create secret docker-registry, or correct its name`,
    );
  }
  hideValues(secret, redaction);
  return secret;
}

function checkRotated(first: Secret, rotated: Secret): void {
  const name = keyOf({ namespace: rotated.metadata.namespace ?? '', name: rotated.metadata.name });
  if (first.type !== rotated.type) {
    throw new UserError(
      `expected the Secret ${name} to have the type ${first.type}, found ${rotated.type}; create it with the type of ` +
        '--pull-secret',
    );
  }
  if (isDeepStrictEqual(first.data, rotated.data)) {
    throw new UserError(
      `expected the Secret ${name} to have another password than --pull-secret, found the same data; name a Secret with ` +
        'the new password, or leave --rotated-pull-secret out',
    );
  }
}

/** Hides the values of a Secret in everything that is printed. */
export function hideValues({ data }: Secret, redaction: Redaction): void {
  for (const value of Object.values(data ?? {}))
    redaction.hide(Buffer.from(value, 'base64').toString('utf8'));
}

/** Creates the pull secrets of the run. Returns their names. */
export async function copySecrets(workspace: Workspace, sources: Sources): Promise<readonly string[]> {
  const copies = [
    [PULL_SECRET, sources.first],
    ...(sources.migrated === undefined ? [] : ([[NEW_PULL_SECRET, sources.migrated]] as const)),
  ] as const;
  for (const [name, { type, data, metadata }] of copies) {
    // A Secret that is not a pull secret names its registries in annotations.
    const annotations = Object.fromEntries(
      Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(`${GROUP}/`)),
    );
    await workspace.create(SECRETS, { metadata: { name, annotations }, type, data });
  }
  return copies.map(([name]) => name);
}

/** Replaces the data of the pull secret with that of the rotated one. */
export async function changePassword(workspace: Workspace, { first, rotated }: Sources): Promise<void> {
  const removed = Object.fromEntries(Object.keys(first.data ?? {}).map((key) => [key, null]));
  await workspace.patch(SECRETS, PULL_SECRET, { data: { ...removed, ...rotated?.data } });
}

/** The name of the pull secret after the migration. */
export function migratedSecret({ migrated }: Sources): string {
  return migrated === undefined ? PULL_SECRET : NEW_PULL_SECRET;
}

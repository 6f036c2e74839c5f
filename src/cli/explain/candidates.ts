import type { Candidate, Credential } from '../../credential/index.ts';
import { publicUsername, type SourceCredential } from '../../platform/index.ts';

/** A credential that fits, as printed in JSON. */
export interface ExplainedCandidate {
  readonly secret: string;
  readonly registryKey: string;
  /** What kind of credential it is, such as `user name and password`. */
  readonly credential: string;
  /**
   * null: the user name is hidden, because it may be a token, or there is none. Well-known user names, such as `AWS`, are
   * never hidden.
   */
  readonly username: string | null;
}

/** A candidate as JSON, and the last column of its line. */
export interface ShownCandidate {
  readonly candidate: ExplainedCandidate;
  readonly description: string;
}

/**
 * @param host - registry host of the image
 * @param showsUsernames - whether the user asked for all user names
 */
export function shownCandidate(
  { secret, registryKey, credential }: Candidate<SourceCredential>,
  host: string,
  showsUsernames: boolean,
): ShownCandidate {
  const kind = kindOf(credential);
  const login = loginOf(credential, host);
  const username = login === undefined ? undefined : shownUsername(login, showsUsernames);
  return {
    candidate: { secret, registryKey, credential: kind, username: username ?? null },
    description: describe(credential, { kind, login, username }),
  };
}

function kindOf(credential: SourceCredential): string {
  switch (credential.kind) {
    case 'basic':
      return 'user name and password';
    case 'identityToken':
      return 'identity token';
    case 'registryToken':
      return 'registry token';
    case 'platform':
      return credential.description;
  }
}

/** The login with a user name that Trivy would use; undefined: a cloud issues the login, or Trivy uses none. */
function loginOf(
  credential: SourceCredential,
  host: string,
): Exclude<Credential, { kind: 'registryToken' }> | undefined {
  if (credential.kind === 'registryToken') return undefined;
  if (credential.kind !== 'platform') return credential.username.reveal() === '' ? undefined : credential;
  const { delivery } = credential.accessTo(host);
  return delivery.way === 'Login' ? loginOf(delivery.credential, host) : undefined;
}

function shownUsername(
  login: Exclude<Credential, { kind: 'registryToken' }>,
  showsUsernames: boolean,
): string | undefined {
  return showsUsernames ? login.username.reveal() : publicUsername(login);
}

function describe(
  credential: SourceCredential,
  shown: {
    readonly kind: string;
    readonly login: Credential | undefined;
    readonly username: string | undefined;
  },
): string {
  const { kind, login, username } = shown;
  const user = username === undefined ? 'user name hidden' : `user ${username}`;
  if (credential.kind === 'basic') return user;
  // The user name of an Azure service principal, for example, is one of its keys.
  const showsUser = credential.kind === 'platform' ? username !== undefined : login !== undefined;
  return showsUser ? `${kind}, ${user}` : kind;
}

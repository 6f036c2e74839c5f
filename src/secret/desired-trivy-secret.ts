import { type KnownLogin, renewalOf } from '../answer/index.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/index.ts';
import type { EnvVar, ObjectMeta } from '../object/index.ts';
import { authByLogin, MOUNT_PATH, type TrivyAuth } from '../platform/index.ts';
import type { ScanDelivery } from '../scan/index.ts';
import { CLOCK_SKEW_MS } from '../text/index.ts';
import { formatLoginRecord, type LoginRecord } from './cloud-login.ts';
import type { RawSecret, SecretData } from './raw-secret.ts';
import { type SecretOwner, temporaryMetadata, temporarySecretName } from './temporary-secret.ts';
import { fingerprint, LOGIN_ANNOTATION, type TrivySecret } from './trivy-secret.ts';
import {
  HOST_ANNOTATION,
  REGISTRY_KEY_ANNOTATION,
  SOURCE_ANNOTATION,
  type TrivySecretIdentity,
  trivySecretName,
} from './trivy-secret-identity.ts';

/** The desired state of a Trivy Secret. */
export interface DesiredTrivySecret {
  readonly name: string;
  readonly identity: TrivySecretIdentity;
  readonly content: Content;
  /**
   * When the login in it expires, in milliseconds since the epoch; undefined: it has no login from a cloud, or the login
   * never expires.
   */
  readonly loginExpiresAt: number | undefined;
  /** When to renew the login, in milliseconds since the epoch; undefined: there is no login to renew. */
  readonly renewAt: number | undefined;
  readonly delivery: ScanDelivery;
}

/** The desired content of a Trivy Secret. */
type Content =
  | { readonly state: 'Known'; readonly object: RawSecret; readonly fingerprint: string }
  /** The existing Secret has a login for the current version of its source. It need not be renewed yet. */
  | { readonly state: 'Kept' }
  /** A login must be requested from the cloud. */
  | {
      readonly state: 'LoginMissing';
      /** The last answer of the cloud; undefined: there is none, or it was a login that is no longer fresh. */
      readonly failure: KnownLogin | undefined;
      /** Whether the existing Secret has a login for the current version of its source, which must be renewed. */
      readonly isPresent: boolean;
    };

/** A desired Trivy Secret whose content can be written. */
export type KnownTrivySecret = DesiredTrivySecret & { readonly content: { readonly state: 'Known' } };

export function isKnown(desired: DesiredTrivySecret): desired is KnownTrivySecret {
  return desired.content.state === 'Known';
}

/**
 * What determines the content of a Trivy Secret: its files (`TrivyAuth`), or what is known about the login that the
 * cloud issues.
 */
export type TrivySecretInput =
  | { readonly result: 'TrivyAuth'; readonly trivyAuth: TrivyAuth }
  | {
      readonly result: 'Login';
      readonly env: readonly EnvVar[];
      readonly host: string;
      /** The resource version of the source Secret. */
      readonly source: string;
      readonly present: TrivySecret | undefined;
      readonly known: KnownLogin | undefined;
      /** Whether a known login is used until it expires even if its renewal is due, because no existing Secret has a login. */
      readonly untilExpiration: boolean;
      /** Milliseconds since the epoch. */
      readonly now: number;
    };

/** The binding that delivers a credential, and the only Scan that gets it; undefined: scans share the Secret. */
export interface TrivySecretUser {
  readonly namespace: string;
  readonly binding: string;
  readonly scan: SecretOwner | undefined;
}

/** The Trivy Secret that delivers a credential for a registry host. */
export function desiredTrivySecret(
  { namespace, binding, scan }: TrivySecretUser,
  identity: TrivySecretIdentity,
  input: TrivySecretInput,
): DesiredTrivySecret {
  const name = scan === undefined ? trivySecretName(identity) : temporarySecretName(scan);
  const temporary = scan === undefined ? undefined : temporaryMetadata(scan, binding);
  const metadata: ObjectMeta = {
    ...temporary,
    name,
    namespace,
    labels: { ...temporary?.labels, [MANAGED_BY_LABEL]: MANAGED_BY },
    annotations: {
      ...temporary?.annotations,
      [SOURCE_ANNOTATION]: identity.source,
      [REGISTRY_KEY_ANNOTATION]: identity.registryKey,
      [HOST_ANNOTATION]: identity.host,
    },
  };
  const env = input.result === 'TrivyAuth' ? input.trivyAuth.env : input.env;
  const state =
    input.result === 'TrivyAuth'
      ? {
          content: known(metadata, dataOf(input.trivyAuth)),
          loginExpiresAt: undefined,
          renewAt: undefined,
        }
      : loginState(metadata, input);
  return { name, identity, ...state, delivery: { secretName: name, mountPath: MOUNT_PATH, env } };
}

type LoginInput = Extract<TrivySecretInput, { result: 'Login' }>;
type LoginState = Pick<DesiredTrivySecret, 'content' | 'loginExpiresAt' | 'renewAt'>;

function loginState(
  metadata: ObjectMeta,
  { source, host, present, known: login, untilExpiration, now }: LoginInput,
): LoginState {
  const record = currentRecord(present, source, now);
  if (record !== undefined && renewalOf(record) > now)
    return { content: { state: 'Kept' }, loginExpiresAt: record.expiresAt, renewAt: renewalOf(record) };
  const isUsable = (login?.freshUntil ?? 0) > now || (untilExpiration && !hasExpired(login, now));
  if (login?.answer.result === 'Login' && isUsable) {
    const { credential, expiresAt } = login.answer;
    const data = dataOf(authByLogin(credential, host));
    const newRecord = formatLoginRecord({ source, since: login.requestedAt, expiresAt }, data);
    const annotations = { ...metadata.annotations, [LOGIN_ANNOTATION]: newRecord };
    const content = known({ ...metadata, annotations }, data);
    return { content, loginExpiresAt: expiresAt, renewAt: login.freshUntil };
  }
  const failure = login?.answer.result === 'Login' ? undefined : login;
  return {
    content: { state: 'LoginMissing', failure, isPresent: record !== undefined },
    loginExpiresAt: record?.expiresAt,
    renewAt: undefined,
  };
}

function hasExpired(login: KnownLogin | undefined, now: number): boolean {
  return login?.answer.result === 'Login' && (login.answer.expiresAt ?? Number.POSITIVE_INFINITY) <= now;
}

/** The record of the login for this version of the source. Ignores a record with a future time. */
function currentRecord(
  present: TrivySecret | undefined,
  source: string,
  now: number,
): LoginRecord | undefined {
  const record = present?.login;
  return record?.source === source && record.since <= now + CLOCK_SKEW_MS ? record : undefined;
}

function known(metadata: ObjectMeta, data: SecretData): Content {
  const object: RawSecret = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data };
  return { state: 'Known', object, fingerprint: fingerprint(object) };
}

function dataOf({ files }: TrivyAuth): SecretData {
  return Object.fromEntries(
    Object.entries(files).map(([file, value]) => [file, Buffer.from(value.reveal()).toString('base64')]),
  );
}

/** Whether the credential in an existing Trivy Secret is from the current version of its source. */
export function holdsSource({ content }: DesiredTrivySecret, present: TrivySecret): boolean {
  if (content.state === 'Known') return content.fingerprint === present.fingerprint;
  return content.state === 'Kept' || content.isPresent;
}

import { type KnownLogin, renewalOf } from '../answer/index.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/index.ts';
import type { EnvVar, ObjectMeta } from '../object/index.ts';
import { authByLogin, MOUNT_PATH, type TrivyAuth } from '../platform/index.ts';
import type { ScanDelivery } from '../scan/index.ts';
import { CLOCK_SKEW_MS } from '../text/index.ts';
import { type LoginNote, writeNote } from './cloud-login.ts';
import type { RawSecret, SecretData } from './raw-secret.ts';
import { fingerprint, LOGIN_ANNOTATION, type TrivySecret } from './trivy-secret.ts';
import {
  HOST_ANNOTATION,
  REGISTRY_KEY_ANNOTATION,
  SOURCE_ANNOTATION,
  type TrivySecretIdentity,
  trivySecretName,
} from './trivy-secret-identity.ts';

/** A Secret that Trivy mounts, as it should be. */
export interface DesiredTrivySecret {
  readonly name: string;
  readonly identity: TrivySecretIdentity;
  readonly content: Content;
  /** When the login in it ends that a cloud gave, in milliseconds since the epoch; undefined: there is none, or it does not. */
  readonly loginExpiresAt: number | undefined;
  /** When that is to be renewed; the same unit. */
  readonly renewAt: number | undefined;
  readonly delivery: ScanDelivery;
}

/** What is to be in a Trivy secret. */
type Content =
  | { readonly state: 'Known'; readonly object: RawSecret; readonly fingerprint: string }
  /** The login that is in it, from the present version of its source, need not be renewed yet. */
  | { readonly state: 'Kept' }
  /** The cloud is to be asked for a login. `failure`: what it said; `isPresent`: whether one from the present version is in it. */
  | {
      readonly state: 'Wanting';
      readonly failure: KnownLogin | undefined;
      readonly isPresent: boolean;
    };

/** One whose content can be written. */
export type KnownTrivySecret = DesiredTrivySecret & { readonly content: { readonly state: 'Known' } };

export function isKnown(desired: DesiredTrivySecret): desired is KnownTrivySecret {
  return desired.content.state === 'Known';
}

/** What a Trivy secret is made from: what Trivy is handed, or what is known of the login that is to be handed to it. */
export type Making =
  | { readonly result: 'TrivyAuth'; readonly trivyAuth: TrivyAuth }
  | {
      readonly result: 'Login';
      readonly env: readonly EnvVar[];
      readonly host: string;
      /** The version of the Secret that the credential is from. */
      readonly source: string;
      readonly present: TrivySecret | undefined;
      readonly known: KnownLogin | undefined;
      /** Milliseconds since the epoch. */
      readonly now: number;
    };

/** The Trivy secret that hands over a credential for a registry host. */
export function desiredTrivySecret(
  namespace: string,
  identity: TrivySecretIdentity,
  making: Making,
): DesiredTrivySecret {
  const name = trivySecretName(identity);
  const metadata: ObjectMeta = {
    name,
    namespace,
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    annotations: {
      [SOURCE_ANNOTATION]: identity.source,
      [REGISTRY_KEY_ANNOTATION]: identity.registryKey,
      [HOST_ANNOTATION]: identity.host,
    },
  };
  const env = making.result === 'TrivyAuth' ? making.trivyAuth.env : making.env;
  const made =
    making.result === 'TrivyAuth'
      ? { content: known(metadata, dataOf(making.trivyAuth)), ends: undefined, renewAt: undefined }
      : withLogin(metadata, making);
  return {
    name,
    identity,
    content: made.content,
    loginExpiresAt: made.ends,
    renewAt: made.renewAt,
    delivery: { secretName: name, mountPath: MOUNT_PATH, env },
  };
}

type LoginMaking = Extract<Making, { result: 'Login' }>;

interface Made {
  readonly content: Content;
  readonly ends: number | undefined;
  readonly renewAt: number | undefined;
}

function withLogin(metadata: ObjectMeta, { source, host, present, known: login, now }: LoginMaking): Made {
  const note = noteOf(present, source, now);
  if (note !== undefined && renewalOf(note) > now)
    return { content: { state: 'Kept' }, ends: note.ends, renewAt: renewalOf(note) };
  if (login?.answer.result === 'Login' && login.askAgainAt > now) {
    const { credential, ends } = login.answer;
    const data = dataOf(authByLogin(credential, host));
    const noted = { source, since: login.askedAt, ends };
    const annotations = { ...metadata.annotations, [LOGIN_ANNOTATION]: writeNote(noted, data) };
    return { content: known({ ...metadata, annotations }, data), ends, renewAt: login.askAgainAt };
  }
  const failure = login?.answer.result === 'Login' ? undefined : login;
  return {
    content: { state: 'Wanting', failure, isPresent: note !== undefined },
    ends: note?.ends,
    renewAt: undefined,
  };
}

/** The recorded login for this version of the source. A record with a future time is ignored. */
function noteOf(present: TrivySecret | undefined, source: string, now: number): LoginNote | undefined {
  const note = present?.login;
  return note?.source === source && note.since <= now + CLOCK_SKEW_MS ? note : undefined;
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

/** Whether what is in one of our Secrets is from the present version of its source. */
export function holdsSource({ content }: DesiredTrivySecret, present: TrivySecret): boolean {
  if (content.state === 'Known') return content.fingerprint === present.fingerprint;
  return content.state === 'Kept' || content.isPresent;
}

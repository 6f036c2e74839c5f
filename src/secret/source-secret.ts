import { PULL_SECRET_TYPES, type PullSecretType } from '../credential/index.ts';
import type { Stored } from '../object/index.ts';
import { type CredentialSecret, readCredentialSecret } from './credential-secret.ts';
import { type PullSecret, readPullSecret } from './pull-secret.ts';
import type { RawSecret } from './raw-secret.ts';

/** A pull secret or credential Secret, or why it cannot be read. */
export type SourceSecret =
  | PullSecret
  | CredentialSecret
  | (Stored & { readonly content: { readonly result: 'Unreadable'; readonly message: string } });

/** Reads a Secret that a binding names. Its type decides whether it is a pull secret. */
export function readSource(object: RawSecret): SourceSecret {
  return isPullSecret(object) ? readPullSecret(object) : readCredentialSecret(object);
}

/** Reads a Secret of any type. A Secret without a known credential becomes a malformed pull secret, with a message. */
export function readSourceSecret(object: RawSecret): SourceSecret {
  const source = readSource(object);
  const { content } = source;
  if (content.result !== 'Unknown') return source;
  const { message } = content;
  return message === undefined
    ? readPullSecret(object)
    : { ...source, content: { result: 'Malformed', message } };
}

/** Whether the kubelet pulls images with Secrets of this type. */
export function isPullSecret({ type }: RawSecret): boolean {
  return PULL_SECRET_TYPES.includes(type as PullSecretType);
}

import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/index.ts';
import type { Keyring, TrivyFile } from '../credential/index.ts';
import { NOT_ANNOTATED, REGISTRIES_ANNOTATION, type SourceCredential } from '../platform/index.ts';
import type { RawSecret } from './raw-secret.ts';
import { isPullSecret, readSource, type SourceSecret } from './source-secret.ts';

/** A Secret that a binding names, and what is known about it. */
export type NamedSecret =
  | {
      readonly state: 'Found';
      readonly name: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly entries: readonly { readonly registryKey: string }[];
      readonly keyring: Keyring<SourceCredential>;
      readonly problems: readonly string[];
      /** How Trivy reads the Secret as its Docker configuration; undefined: it is a credential Secret. */
      readonly trivyFile: TrivyFile | undefined;
    }
  | { readonly state: 'Missing'; readonly name: string }
  /** It is not a pull secret, and has no keys of a known credential. The message says how to make it usable. */
  | { readonly state: 'WrongType'; readonly name: string; readonly message?: string }
  /** It is not a pull secret, and has no annotation with its registries. */
  | { readonly state: 'NotAnnotated'; readonly name: string; readonly message: string }
  /** It has not been read yet, so the controller cannot decide on the binding. */
  | { readonly state: 'Unread'; readonly name: string }
  | { readonly state: 'Unreadable'; readonly name: string; readonly message: string }
  | { readonly state: 'Malformed'; readonly name: string; readonly message: string };

/** The state of a pull secret or credential Secret with this content. */
export function namedSecret({ name, uid, resourceVersion, content }: SourceSecret): NamedSecret {
  switch (content.result) {
    case 'Entries': {
      const { entries, keyring, problems, trivyFile } = content;
      return { state: 'Found', name, uid, resourceVersion, entries, keyring, problems, trivyFile };
    }
    case 'Credential': {
      const entries = content.hosts.map((registryKey) => ({ registryKey }));
      const found = { entries, keyring: content.keyring, problems: [], trivyFile: undefined };
      return { state: 'Found', name, uid, resourceVersion, ...found };
    }
    case 'Unknown':
      return { state: 'WrongType', name, ...(content.message !== undefined && { message: content.message }) };
    default:
      return { state: content.result, name, message: content.message };
  }
}

/** The state of a Secret that is neither a pull secret nor annotated with registries. Its content is not read. */
export function notAnnotated(name: string): NamedSecret {
  return { state: 'NotAnnotated', name, message: NOT_ANNOTATED };
}

/**
 * The state of a whole Secret. It is equal to the one that the controller finds, which decides by the metadata of a Secret
 * whether to read its content.
 */
export function readNamedSecret(object: RawSecret): NamedSecret {
  const { name, annotations = {} } = object.metadata;
  if (isManagedSecret(object)) return { state: 'WrongType', name };
  if (!isPullSecret(object) && !Object.hasOwn(annotations, REGISTRIES_ANNOTATION)) return notAnnotated(name);
  return namedSecret(readSource(object));
}

/** Whether the controller created the Secret. Such a Secret is never a source of credentials. */
export function isManagedSecret({ metadata }: RawSecret): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
}

import {
  imageCredentialBindings,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  UNUSED_SINCE_ANNOTATION,
  WORKLOADS_ANNOTATION,
} from '../../../api/index.ts';
import { formatFamiliar, parseImageReference } from '../../../image/index.ts';
import type { Stored } from '../../../object/index.ts';
import type { BindingContent } from '../decision.ts';

/** The new binding of a repository, as the API server accepts it. */
export function createdObject(
  { namespace, name }: Pick<Stored, 'namespace' | 'name'>,
  repository: string,
  content: BindingContent,
) {
  const { annotations, spec } = patchOf(content);
  const { apiVersion, kind } = imageCredentialBindings;
  const labels = { [MANAGED_BY_LABEL]: MANAGED_BY };
  return {
    apiVersion,
    kind,
    metadata: { namespace, name, labels, annotations: withoutNulls(annotations) },
    spec: { image: familiar(repository), ...withoutNulls(spec) },
  };
}

/** The fields that discovery writes, as parts of a merge patch: null removes a field. */
export function patchOf({ imagePullSecrets, replaces, users, unusedSince }: BindingContent) {
  return {
    annotations: {
      [WORKLOADS_ANNOTATION]: users.join(','),
      [UNUSED_SINCE_ANNOTATION]: unusedSince === undefined ? null : new Date(unusedSince).toISOString(),
    },
    spec: {
      imagePullSecrets: imagePullSecrets.map((name) => ({ name })),
      replaces: replaces.length === 0 ? null : replaces.map(familiar),
    },
  };
}

function withoutNulls<Value>(fields: Readonly<Record<string, Value | null>>): Record<string, Value> {
  // The filter removes every null.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Record<
    string,
    Value
  >;
}

/** The short form of a repository, as users write it. */
function familiar(repository: string): string {
  return formatFamiliar(parseImageReference(repository));
}

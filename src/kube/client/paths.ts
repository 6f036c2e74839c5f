import type { Resource } from '../../object/index.ts';

/** The name of an object, within its namespace if it has one. */
export interface NamespacedName {
  /** undefined: the resource is cluster-scoped. */
  readonly namespace: string | undefined;
  readonly name: string;
}

/** The path of all objects of a resource, or of those in a namespace. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const root =
    resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${resource.plural}`;
}

/** The path of one object. */
export function objectPath(resource: Resource, { namespace, name }: NamespacedName): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}

/** The query of a URL, with its `?`; empty if no parameter has a value. */
export function queryText(query: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

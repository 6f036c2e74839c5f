import type { AuditEvent, ControlPlane } from '../../hack/control-plane.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/**
 * The rights that roles give, as `verb resource.group`, a right that is given twice twice.
 *
 * @param roles - as for kubectl: `clusterrole/name`, or `role/name` of that namespace
 */
export async function rightsGiven(
  controlPlane: ControlPlane,
  namespace: string,
  roles: readonly string[],
): Promise<readonly string[]> {
  // Asked for one by one: kubectl makes a List only of several.
  const answers = roles.map((role) =>
    controlPlane.kubectl(['get', role, '--namespace', namespace, '--output', 'json']),
  );
  return (await Promise.all(answers))
    .flatMap(({ stdout }) => (JSON.parse(stdout) as { readonly rules: readonly Rule[] }).rules)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`)),
      ),
    );
}

/** The rights that these requests needed, each once, in the same form. */
export function rightsUsed(events: readonly AuditEvent[]): ReadonlySet<string> {
  const used = events.map(({ verb, objectRef }) => {
    const { resource, subresource, apiGroup = '' } = objectRef ?? {};
    return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}.${apiGroup}`;
  });
  return new Set(used);
}

/** The requests that were refused for want of a right. */
export function refused(events: readonly AuditEvent[]): readonly string[] {
  return events
    .filter(({ responseStatus }) => responseStatus?.code === 403)
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

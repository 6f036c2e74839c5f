import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { AuditEvent, ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import type { RunningController } from '../../../hack/testenv/controller.ts';
import type { Rule } from './chart.ts';

/** The rights that rules grant, as `verb resource.group`, or as `verb resource.` for the core group. */
export function rightsOf(rules: readonly Rule[]): readonly string[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`)),
    ),
  );
}

/**
 * The rights that roles grant, in the form of {@link rightsOf}. A right that is granted twice appears twice.
 *
 * @param roles - as for kubectl: `clusterrole/name`, or `role/name` of that namespace
 */
export async function rightsGiven(
  controlPlane: ControlPlane,
  namespace: string,
  roles: readonly string[],
): Promise<readonly string[]> {
  // One request per role, because kubectl returns a List only for several objects.
  const answers = roles.map((role) =>
    controlPlane.kubectl(['get', role, '--namespace', namespace, '--output', 'json']),
  );
  const rules = (await Promise.all(answers)).flatMap(
    ({ stdout }) => (JSON.parse(stdout) as { readonly rules: readonly Rule[] }).rules,
  );
  return rightsOf(rules);
}

/** The rights that these requests needed, without duplicates, in the form of {@link rightsOf}. */
export function rightsUsed(events: readonly AuditEvent[]): ReadonlySet<string> {
  const used = events.map(({ verb, objectRef }) => {
    const { resource, subresource, apiGroup = '' } = objectRef ?? {};
    return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}.${apiGroup}`;
  });
  return new Set(used);
}

/**
 * The requests that were refused because a right is missing. A terminating namespace also refuses new objects with 403,
 * which does not count.
 */
export function refused(events: readonly AuditEvent[]): readonly string[] {
  return events
    .filter(({ responseStatus }) => responseStatus?.code === 403)
    .filter(({ responseStatus }) => !responseStatus?.message?.includes('because it is being terminated'))
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

/** The refused requests of a user in the whole audit log, which is read by line because it may be long. */
export async function refusedTo(username: string, { auditLog }: ControlPlane): Promise<readonly string[]> {
  const events: AuditEvent[] = [];
  for await (const line of createInterface({ input: createReadStream(auditLog) })) {
    if (line.includes('"code":403')) events.push(JSON.parse(line));
  }
  return refused(events.filter(({ user }) => user.username === username));
}

/** All requests of these controllers so far. */
export async function requestsOf(
  controlPlane: ControlPlane,
  ...controllers: readonly RunningController[]
): Promise<readonly AuditEvent[]> {
  const ids = controllers.map(({ credentialId }) => credentialId);
  return (await controlPlane.auditEvents()).filter(({ user }) =>
    user.extra?.['authentication.kubernetes.io/credential-id']?.some((id) => ids.includes(id)),
  );
}

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { AuditEvent, ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import type { RunningController } from '../../../hack/testenv/controller.ts';
import type { Rule } from './chart.ts';

/** The rights that rules give, as `verb resource.group`, or `verb resource.` in the group without a name. */
export function rightsOf(rules: readonly Rule[]): readonly string[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`)),
    ),
  );
}

/**
 * The rights that roles give, in the form of {@link rightsOf}, a right that is given twice twice.
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
  const rules = (await Promise.all(answers)).flatMap(
    ({ stdout }) => (JSON.parse(stdout) as { readonly rules: readonly Rule[] }).rules,
  );
  return rightsOf(rules);
}

/** The rights that these requests needed, each once, in the same form. */
export function rightsUsed(events: readonly AuditEvent[]): ReadonlySet<string> {
  const used = events.map(({ verb, objectRef }) => {
    const { resource, subresource, apiGroup = '' } = objectRef ?? {};
    return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}.${apiGroup}`;
  });
  return new Set(used);
}

/** The requests that were refused for want of a right, which is not why nothing is made in a namespace that is going. */
export function refused(events: readonly AuditEvent[]): readonly string[] {
  return events
    .filter(({ responseStatus }) => responseStatus?.code === 403)
    .filter(({ responseStatus }) => !responseStatus?.message?.includes('because it is being terminated'))
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

/** Those of a user, of all that there were; the audit log may be too long to be read as a whole. */
export async function refusedTo(username: string, { auditLog }: ControlPlane): Promise<readonly string[]> {
  const events: AuditEvent[] = [];
  for await (const line of createInterface({ input: createReadStream(auditLog) })) {
    if (line.includes('"code":403')) events.push(JSON.parse(line));
  }
  return refused(events.filter(({ user }) => user.username === username));
}

/** All that these controllers have asked so far. */
export async function requestsOf(
  controlPlane: ControlPlane,
  ...controllers: readonly RunningController[]
): Promise<readonly AuditEvent[]> {
  const ids = controllers.map(({ credentialId }) => credentialId);
  return (await controlPlane.auditEvents()).filter(({ user }) =>
    user.extra?.['authentication.kubernetes.io/credential-id']?.some((id) => ids.includes(id)),
  );
}

import { hash } from 'node:crypto';
import type { NamespaceDecision } from '../decision.ts';

/**
 * A hash of what a decision writes, without resource versions. Decisions with the same hash write the same content.
 *
 * @returns undefined if the decision writes nothing
 */
export function fingerprintOf({
  writes,
  marks,
}: Pick<NamespaceDecision, 'writes' | 'marks'>): string | undefined {
  if (writes.length + marks.length === 0) return undefined;
  const bindings = writes
    .flat()
    .map((write) => [
      write.action,
      write.action === 'Create' ? write.name : write.binding.uid,
      write.action === 'Delete' ? '' : write.content,
    ]);
  const pods = marks.map(({ pod, binding }) => [pod.uid, binding]);
  return hash('sha256', JSON.stringify([bindings, pods]), 'base64');
}

import type { ValidBinding } from '../../../binding/index.ts';
import { advise } from './advice.ts';

/**
 * Adds the advice for `reason`. A discovered binding that is not effective needs none: while a workload is migrated, discovery
 * keeps the bindings of both repositories, deletes the previous one itself, and creates a binding again that a user deletes.
 */
export function adviseBound(
  { discovered }: ValidBinding,
  message: string,
  reason: 'Bound' | 'Overridden',
): string {
  if (!discovered || reason === 'Bound') return advise(message, reason);
  return `${message}. This discovered binding takes over by itself when the other one is deleted; no action is needed.`;
}

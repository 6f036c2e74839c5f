import type { Logger } from 'pino';
import { imageCredentialBindings } from '../../api/index.ts';
import type { EventRecorder } from '../../kube/index.ts';
import { apiVersionOf } from '../../object/index.ts';
import { PODS } from '../../state/index.ts';
import type { DiscoveryProblem } from './decision.ts';
import type { DueEvents } from './events/index.ts';

/** Records an Event for each due problem, and logs once per window that Events are postponed. */
export async function report(
  { problems, postponed }: DueEvents,
  events: EventRecorder,
  log: Logger,
): Promise<void> {
  for (const { about, reason, note } of problems) {
    const event = { type: 'Warning', reason, action: 'Discover', note, once: true } as const;
    await events.record(regarding(about), event);
  }
  if (postponed > 0 && problems.length > 0)
    log.warn({ postponed }, 'too many discovery Events in this namespace; postponing the rest');
}

function regarding(about: DiscoveryProblem['about']) {
  const resource = about.kind === 'Pod' ? PODS : imageCredentialBindings;
  const { namespace, name, uid } = about.kind === 'Pod' ? about.pod : about.binding;
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, namespace, name, uid };
}

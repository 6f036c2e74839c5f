import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { KubeObject, Resource } from '../object/index.ts';
import type { KubeClient } from './client/index.ts';
import { hasReason } from './errors.ts';
import { EventLimiter, PER_NAMESPACE, PER_OBJECT } from './event-limiter.ts';

const LONGEST_NOTE = 1024;
const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' };

/** The object that an Event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The content of an Event (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/). */
export interface EventContent<Reason extends string = string> {
  readonly type: 'Normal' | 'Warning';
  /** UpperCamelCase; machine-readable. */
  readonly reason: Reason;
  /** What was done; UpperCamelCase. */
  readonly action: string;
  /** A sentence for people, cut to 1,024 bytes. */
  readonly note: string;
  /** Whether the same Event about the same object is written only once while the API server keeps it (an hour by default). */
  readonly once?: boolean;
}

/**
 * Writes Events on a best-effort basis. An Event that cannot be written, or that exceeds the limit of its object or
 * namespace ({@link EventLimiter}), is logged and dropped.
 */
export class EventRecorder {
  readonly #byObject = new EventLimiter(PER_OBJECT);
  readonly #byNamespace = new EventLimiter(PER_NAMESPACE);
  readonly #client: KubeClient;
  readonly #controller: string;
  readonly #log: Logger;

  constructor(options: { client: KubeClient; controller: string; log: Logger }) {
    this.#client = options.client;
    this.#controller = options.controller;
    this.#log = options.log;
  }

  async record(regarding: Regarding, content: EventContent): Promise<void> {
    if (this.#mayWrite(regarding)) await this.#write(regarding, content);
  }

  #mayWrite({ uid, kind, namespace, name }: Regarding): boolean {
    const now = performance.now();
    const ofObject = this.#byObject.take(uid, now);
    if (ofObject === 'LimitReached')
      this.#log.warn(
        { kind, namespace, name },
        'too many events about this object: suppressing further ones',
      );
    if (ofObject !== 'Allowed') return false;
    const ofNamespace = this.#byNamespace.take(namespace, now);
    if (ofNamespace === 'LimitReached')
      this.#log.warn({ namespace }, 'too many events in this namespace: suppressing further ones');
    return ofNamespace === 'Allowed';
  }

  async #write(regarding: Regarding, content: EventContent): Promise<void> {
    const event: KubeObject & Readonly<Record<string, unknown>> = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: {
        name: `${regarding.name.slice(0, 200).replace(/[.-]+$/, '')}.${suffixOf(regarding, content)}`,
        namespace: regarding.namespace,
      },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      reportingController: this.#controller,
      reportingInstance: hostname(),
      type: content.type,
      reason: content.reason,
      action: content.action,
      note: Buffer.from(content.note)
        .subarray(0, LONGEST_NOTE)
        .toString('utf8')
        .replace(/\uFFFD$/, ''),
      regarding,
    };
    try {
      await this.#client.create(EVENTS, event, { priority: 'background' });
    } catch (error) {
      if (content.once === true && hasReason(error, 'AlreadyExists')) return;
      this.#log.warn({ err: error, reason: content.reason }, 'event not written');
    }
  }
}

function suffixOf({ uid }: Regarding, { once, reason, note }: EventContent): string {
  if (once !== true) return randomUUID();
  return createHash('sha256')
    .update(JSON.stringify([uid, reason, note]))
    .digest('hex')
    .slice(0, 32);
}

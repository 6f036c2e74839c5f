import type { Logger } from 'pino';
import type { AnyReflector, Outcome } from '../kube/index.ts';

/**
 * Makes the cluster match the spec of one object. Level-based: it acts on the current state, not on the change that added
 * the key.
 *
 * @param key - as the triggers of the controller add it
 * @param log - names this reconcile in its lines
 * @param requeue - adds the key to the queue once more, for example when an answer arrives
 * @throws OutOfDate, KubeError: to be retried
 */
type Reconcile = (key: string, log: Logger, requeue: () => void) => Promise<Outcome>;

/** Where triggers add keys. */
export interface Queue {
  add(key: string): void;
  addAfter(key: string, milliseconds: number): void;
}

/** A row of the table of controllers. */
export interface Controller {
  /** The value of the label `controller` in metrics. */
  readonly name: string;
  readonly reconcile: Reconcile;
  /** Connects the changes in the stores that add keys to the queue. */
  readonly connect: (queue: Queue) => void;
  /** `Always`: a standby process also runs it, so that the process is ready when it becomes the leader. */
  readonly runs: 'Always' | 'Leading';
  /** Reflectors that fill stores of this controller, in addition to the shared stores. */
  readonly reflectors?: readonly AnyReflector[];
}

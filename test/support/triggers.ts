import { connectBindingTriggers } from '../../src/controllers/binding/triggers.ts';
import { connectRunTriggers } from '../../src/controllers/run/triggers.ts';
import { connectSourceSecretTriggers } from '../../src/controllers/source-secret/triggers.ts';
import { connectTrivySecretTriggers } from '../../src/controllers/trivy-secret/triggers.ts';
import type { Stores } from '../../src/state/stores.ts';

interface Enqueue {
  add(key: string): void;
}

/** Connects the triggers of all controllers except discovery, as the manager does. */
export function connectTriggers(
  stores: Stores,
  queues: {
    readonly bindings: Enqueue;
    readonly trivySecrets: Enqueue;
    readonly runs: Enqueue;
    readonly sourceSecrets: Enqueue;
  },
): void {
  connectBindingTriggers(stores, queues.bindings);
  connectTrivySecretTriggers(stores, queues.trivySecrets);
  connectRunTriggers(stores, queues.runs);
  connectSourceSecretTriggers(stores, queues.sourceSecrets);
}

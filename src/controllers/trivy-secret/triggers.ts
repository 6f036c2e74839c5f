import { keyOf } from '../../object/index.ts';
import { indexKey, type Stores } from '../../state/index.ts';
import { changesSpec, onSourceChange, sides, sourcesOf, TurnBatch } from '../changes.ts';
import type { Queue } from '../controller.ts';

/**
 * Enqueues the Trivy Secrets that each change in the stores affects. The Trivy Secrets of a source are looked up once for
 * all changes of a turn of the event loop.
 */
export function connectTrivySecretTriggers(stores: Stores, queue: Pick<Queue, 'add'>): void {
  const { bindings, selections, scheduledScans, trivySecrets, sourceSecrets, runs } = stores;
  const sources = new TurnBatch((source) => {
    for (const secret of trivySecrets.byIndex('source', source)) queue.add(keyOf(secret));
  });
  const addNamed = (object: { readonly namespace: string }, name: string | undefined) => {
    if (name !== undefined) queue.add(indexKey(object, name));
  };
  bindings.onChange((change) => {
    for (const binding of sides(change)) {
      addNamed(binding, binding.status?.trivySecret?.name);
      if (changesSpec(change)) for (const source of sourcesOf(binding)) sources.add(source);
    }
  });
  selections.onChange(({ binding, before, after }) => {
    addNamed(binding, before?.trivySecret);
    addNamed(binding, after.trivySecret);
    const stored = before === undefined ? bindings.get(keyOf(binding)) : undefined;
    if (stored !== undefined) for (const source of sourcesOf(stored)) sources.add(source);
  });
  scheduledScans.onChange((change) => {
    for (const scan of sides(change)) addNamed(scan, scan.bound?.delivery?.secretName);
  });
  onSourceChange(stores, ({ key, isSourceAsBefore }) => {
    if (!isSourceAsBefore) sources.add(key);
  });
  trivySecrets.onChange((change) => {
    for (const secret of sides(change)) queue.add(keyOf(secret));
  });
  sourceSecrets.onChange((change) => {
    for (const secret of sides(change)) sources.add(keyOf(secret));
  });
  runs.onChange((change) => {
    for (const run of sides(change)) {
      addNamed(run, run.secretName);
      for (const secret of trivySecrets.byIndex('scan', keyOf(run))) queue.add(keyOf(secret));
    }
  });
}

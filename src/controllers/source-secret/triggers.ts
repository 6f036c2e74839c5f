import { indexKey, isSourceWanted, type Stores, sourceIn } from '../../state/index.ts';
import { changesSpec, isUnchanged, onSourceChange, sides, sourcesOf } from '../changes.ts';
import type { Queue } from '../controller.ts';

/** Enqueues the source Secrets that have to be read, or forgotten, because of a change in the stores. */
export function connectSourceSecretTriggers(stores: Stores, queue: Pick<Queue, 'add'>): void {
  const add = (key: string) => {
    const isToRead = sourceIn(stores, key) !== undefined && isSourceWanted(stores, key);
    if (isToRead || stores.sourceSecrets.get(key) !== undefined) queue.add(key);
  };
  stores.bindings.onChange((change) => {
    if (changesSpec(change)) for (const key of sides(change).flatMap(sourcesOf)) add(key);
  });
  onSourceChange(stores, ({ key }) => add(key));
  // The source of a Trivy Secret is read as long as the Trivy Secret exists.
  stores.trivySecrets.onChange((change) => {
    if (isUnchanged(change)) return;
    for (const secret of sides(change))
      if (secret.identity !== undefined) add(indexKey(secret, secret.identity.source));
  });
}

import { pino } from 'pino';
import { Reflector } from '../../../src/kube/cache/reflector.ts';
import { Store } from '../../../src/kube/cache/store.ts';
import type { KubeClient, Selection } from '../../../src/kube/client/client.ts';
import { type KubeObject, type Resource, type Stored, storedMeta } from '../../../src/object/object.ts';

/**
 * Calls `see` with each existing object, and again after each change, until the result is disposed of. Resolves after the
 * calls for all existing objects.
 */
export async function watching<Raw extends KubeObject>(
  client: KubeClient,
  watch: { readonly resource: Resource; readonly selection?: Selection },
  see: (object: Raw) => void,
): Promise<AsyncDisposable> {
  const project = (object: Raw): Stored => {
    see(object);
    return storedMeta(object);
  };
  const log = pino({ level: 'silent' });
  const reflector = new Reflector<Stored, Raw>({ ...watch, client, project, store: new Store({}), log });
  reflector.start();
  await reflector.synced;
  return { [Symbol.asyncDispose]: () => reflector.stop() };
}

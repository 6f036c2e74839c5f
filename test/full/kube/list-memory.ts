/**
 * Lists all pods of a cluster, and prints as JSON the peak heap in bytes above what is stored in the end. `reflector`
 * lists as the controller does. `whole` holds the list, to measure what that would take.
 *
 *     node --expose-gc test/cluster/kube/list-memory.ts KUBECONFIG reflector|whole
 */
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { Reflector } from '../../../src/kube/cache/reflector.ts';
import { Store } from '../../../src/kube/cache/store.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { type KubeObject, type Stored, storedMeta } from '../../../src/object/object.ts';
import { podProjection } from '../../../src/state/pod-stores.ts';
import { PODS } from '../../support/cluster/pods.ts';

const OBJECTS_BETWEEN = 50;
const [, , kubeconfig = '', way] = process.argv;
const { gc } = globalThis;
if (gc === undefined) throw new Error('expected node --expose-gc');

const config = new KubeConfig();
config.loadFromFile(kubeconfig);
const transport = new Transport(config);
const client = new KubeClient({ transport, fieldManager: 'test' });
const store = new Store<Stored>({});
const keep = podProjection('all');
const held: KubeObject[] = [];
let most = 0;
let count = 0;

const reflector = new Reflector({
  client,
  resource: PODS,
  store,
  log: pino({ level: 'silent' }),
  project: (object: KubeObject) => {
    if (way === 'whole') held.push(object);
    count += 1;
    if (count % OBJECTS_BETWEEN === 0) most = Math.max(most, heap());
    // The API server sends this as a pod.
    return keep(object as Parameters<typeof keep>[0]) ?? storedMeta(object);
  },
});
const before = heap();
reflector.start();
await reflector.synced;
await reflector.stop();
held.length = 0;
const kept = heap() - before;
process.stdout.write(JSON.stringify({ pods: store.size, above: most - before - kept }));
await transport.close();

function heap(): number {
  gc?.();
  return process.memoryUsage().heapUsed;
}

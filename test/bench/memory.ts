/**
 * Prints how many bytes the stores keep per object: `node --expose-gc test/bench/memory.ts`. The objects are generated,
 * and as large as those of an API server, including managed fields and the last-applied annotation. They pass through
 * JSON, projection and indices like the objects of a watch.
 */
import { readBinding } from '../../src/binding/binding.ts';
import { Store } from '../../src/kube/cache/store.ts';
import { type KubeObject, keyOf, type Stored, storedMeta } from '../../src/object/object.ts';
import { readRun } from '../../src/scan/run.ts';
import { readScheduledScan } from '../../src/scan/scheduled-scan.ts';
import { readPullSecret } from '../../src/secret/pull-secret.ts';
import { readTrivySecret } from '../../src/secret/trivy-secret.ts';
import { createDiscoveryStores, podProjection } from '../../src/state/pod-stores.ts';
import { createStores } from '../../src/state/stores.ts';

const OBJECTS = 10_000;

interface Row {
  readonly name: string;
  readonly make: (index: number) => object;
  // Accepts the objects of its own `make`.
  readonly keep: (object: never) => void;
}

const stores = createStores();
const { pods } = createDiscoveryStores();
const readPod = podProjection('all');
const rows: readonly Row[] = [
  {
    name: 'only identity',
    make: (index) => meta('x', index),
    keep: keepIn(new Store<Stored>({}), storedMeta),
  },
  { name: 'binding', make: binding, keep: keepIn(stores.bindings, readBinding) },
  { name: 'ScheduledScan', make: scheduledScan, keep: keepIn(stores.scheduledScans, readScheduledScan) },
  { name: 'Scan', make: scan, keep: keepIn(stores.runs, readRun) },
  { name: 'pull secret', make: pullSecret, keep: keepIn(stores.pullSecrets, readPullSecret) },
  { name: 'Trivy Secret', make: trivySecret, keep: keepIn(stores.trivySecrets, readTrivySecret) },
  { name: 'pod', make: pod, keep: keepIn(pods, readPod) },
];

print(`bytes kept of an object, mean of ${OBJECTS}:`);
for (const { name, make, keep } of rows) {
  const before = heap();
  let json = 0;
  for (let index = 0; index < OBJECTS; index += 1) {
    const line = JSON.stringify(make(index));
    json += line.length;
    keep(JSON.parse(line) as never);
  }
  const kept = (heap() - before) / OBJECTS;
  print(
    `  ${name.padEnd(14)} ${kept.toFixed(0).padStart(6)} of ${(json / OBJECTS).toFixed(0).padStart(5)} bytes of JSON`,
  );
}
// Uses the stores, so that they are not collected earlier.
if (stores.bindings.get(keyOf({ namespace: 'ns-0', name: 'binding-0' })) === undefined) process.exitCode = 1;

function keepIn<Item extends Stored, Raw>(
  store: Store<Item, string>,
  read: (object: Raw) => Item | undefined,
) {
  return (object: Raw) => {
    const item = read(object);
    if (item !== undefined) store.set(item);
  };
}

function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function meta(name: string, index: number, annotations: object = {}): KubeObject {
  const managed = {
    manager: 'kubectl',
    operation: 'Apply',
    time: '2026-01-01T00:00:00Z',
    fieldsV1: fields(20),
  };
  return {
    metadata: {
      name: `${name}-${index}`,
      namespace: `ns-${index % 50}`,
      uid: crypto.randomUUID(),
      resourceVersion: String(1_000_000 + index),
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: `app-${index}`, team: 'payments' },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(600), ...annotations },
      managedFields: [managed],
    },
  };
}

function fields(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`f:field-${index}`, {}]));
}

function binding(index: number): object {
  const condition = (type: string) => ({
    type,
    status: 'True',
    reason: 'Ready',
    message: 'the credential is delivered to every scan',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  return {
    ...meta('binding', index),
    spec: {
      image: `registry.example.com/team/app-${index}`,
      imagePullSecrets: [{ name: `secret-${index}` }],
    },
    status: {
      observedGeneration: 1,
      platform: 'Generic',
      credential: {
        secret: { name: `secret-${index}`, uid: crypto.randomUUID() },
        registryKey: 'registry.example.com',
      },
      candidates: [
        {
          secret: `secret-${index}`,
          registryKey: 'registry.example.com',
          result: 'Selected',
          reason: 'Accepted',
        },
      ],
      trivySecret: { name: `trivy-secret-${index}-0123456789` },
      scans: { matched: 1, bound: 1, failing: 0, names: [{ name: `scan-${index}` }] },
      conditions: ['Ready', 'CredentialResolved', 'CredentialVerified', 'ScansBound'].map(condition),
    },
  };
}

function scheduledScan(index: number): object {
  const restore = {
    environment: [
      'DOCKER_CONFIG',
      'DOCKER_AUTH_CONFIG',
      'TRIVY_USERNAME',
      'TRIVY_PASSWORD',
      'TRIVY_REGISTRY_TOKEN',
    ],
  };
  return {
    ...meta('scan', index, {
      'credentials.securecodebox.io/binding': `binding-${index}`,
      'image-credential-binding/restore': JSON.stringify(restore),
    }),
    spec: {
      interval: '12h',
      scanSpec: {
        scanType: 'trivy-image-autodiscovery',
        parameters: [`registry.example.com/team/app-${index}:1.0`],
        env: [
          'DOCKER_CONFIG',
          'DOCKER_AUTH_CONFIG',
          'TRIVY_USERNAME',
          'TRIVY_PASSWORD',
          'TRIVY_REGISTRY_TOKEN',
        ].map((name) => ({
          name,
        })),
        volumes: [
          { name: 'image-credential-binding', secret: { secretName: `trivy-secret-${index}-0123456789` } },
        ],
        volumeMounts: [{ name: 'image-credential-binding', mountPath: '/etc/image-credential-binding' }],
      },
    },
    status: { lastScheduleTime: '2026-01-01T00:00:00Z' },
  };
}

/** A Scan. Three of them belong to one ScheduledScan. */
function scan(index: number): object {
  const { metadata } = meta('scan', index);
  const scheduledScan = `scan-${Math.floor(index / 3)}`;
  const owner = { apiVersion: 'execution.securecodebox.io/v1', kind: 'ScheduledScan', name: scheduledScan };
  return {
    metadata: { ...metadata, ownerReferences: [{ ...owner, uid: crypto.randomUUID(), controller: true }] },
    spec: {
      scanType: 'trivy-image-autodiscovery',
      parameters: [`registry.example.com/team/app-${index}:1.0`],
      volumes: [
        { name: 'image-credential-binding', secret: { secretName: `trivy-secret-${index}-0123456789` } },
      ],
    },
    status: { state: 'Done' },
  };
}

function pullSecret(index: number): object {
  const auth = Buffer.from(`user-${index}:${'p'.repeat(32)}`).toString('base64');
  const config = { auths: { 'registry.example.com': { auth } } };
  return {
    ...meta('secret', index),
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
  };
}

function trivySecret(index: number): object {
  const config = { auths: { 'registry.example.com': { auth: 'x'.repeat(60) } } };
  return {
    ...meta(`trivy-secret-${index}`, index),
    type: 'Opaque',
    data: { 'config.json': Buffer.from(JSON.stringify(config)).toString('base64') },
  };
}

/** A pod with three containers. Ten pods belong to one Deployment. */
function pod(index: number): object {
  const deployment = Math.floor(index / 10);
  const names = ['app', 'proxy', 'init'];
  const image = (name: string) => `registry.example.com/team-${deployment % 50}/app-${deployment}-${name}`;
  const { metadata } = meta(`app-${deployment}-7c9f8d6b5`, index);
  return {
    metadata: {
      ...metadata,
      namespace: `ns-${deployment % 50}`,
      labels: { ...metadata.labels, 'pod-template-hash': '7c9f8d6b5' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `app-${deployment}-7c9f8d6b5`,
          uid: 'u',
          controller: true,
        },
      ],
    },
    spec: {
      containers: names.map((name) => ({
        name,
        image: `${image(name)}:1.0`,
        env: [{ name: 'A', value: 'x'.repeat(500) }],
      })),
      imagePullSecrets: [{ name: `pull-${deployment % 7}` }],
    },
    status: {
      phase: 'Running',
      containerStatuses: names.map((name) => ({ name, imageID: `${image(name)}@sha256:${'0'.repeat(64)}` })),
    },
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

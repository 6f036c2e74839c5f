import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { buildTestImage, programImage } from '../../hack/testenv/node/images.ts';
import { type Registry, startRegistry } from '../../hack/testenv/registry/registry.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';
import { imageCredentialBindings } from '../../src/api/index.ts';
import { type Binding, SECRETS, type TestNamespace } from '../support/cluster/cluster.ts';
import { PODS } from '../support/cluster/pods.ts';
import { log, type NodeCluster } from '../support/node.ts';
import { until } from '../support/until.ts';
import { environment, installController, skip } from './environment.ts';
import type { Pod } from './scanner-pod.ts';

const USER = { username: 'puller', password: 'right' } as const;
const REPOSITORY = 'team/app';
const SECONDS = 150;
/** Number of rows that are tried at the same time. */
const BATCH = 8;

/** The content of a pull secret: entries by key, or a text. The test replaces `HOST` and `PORT` by those of the private registry. */
type PullSecret =
  | Readonly<Record<string, Entry>>
  | { readonly type: 'kubernetes.io/dockercfg'; readonly entries: Readonly<Record<string, Entry>> };
type Entry = { readonly auth: string } | { readonly username: string; readonly password: string };

const login = (password: string) => ({ auth: btoa(`${USER.username}:${password}`) });
const RIGHT = login(USER.password);
const WRONG = login('wrong');

interface Row {
  readonly name: string;
  readonly secrets: readonly PullSecret[];
  /** Whether the image is in the public registry. */
  readonly open?: true;
  /** What the kubelet does. */
  readonly kubelet: 'pulls' | 'is refused';
  /** A binding finds access although the kubelet is refused: docs/adr/0008. */
  readonly onlyBinding?: true;
}

interface Outcome {
  readonly kubelet: Row['kubelet'];
  readonly binding: 'access' | 'no access';
}

const TABLE: readonly Row[] = [
  { name: 'the right credential', secrets: [{ 'HOST:PORT': RIGHT }], kubelet: 'pulls' },
  {
    name: 'user name and password in fields of their own',
    secrets: [{ 'HOST:PORT': USER }],
    kubelet: 'pulls',
  },
  {
    name: 'the older type of pull secrets',
    secrets: [{ type: 'kubernetes.io/dockercfg', entries: { 'HOST:PORT': RIGHT } }],
    kubelet: 'pulls',
  },
  { name: 'a key with a scheme', secrets: [{ 'http://HOST:PORT': RIGHT }], kubelet: 'pulls' },
  { name: 'a key with an API version', secrets: [{ 'https://HOST:PORT/v2/': RIGHT }], kubelet: 'pulls' },
  { name: 'a wrong password', secrets: [{ 'HOST:PORT': WRONG }], kubelet: 'is refused' },
  { name: 'no pull secret', secrets: [], kubelet: 'is refused' },
  { name: 'another host', secrets: [{ 'reg.example': RIGHT }], kubelet: 'is refused' },
  { name: 'another port', secrets: [{ 'HOST:1': RIGHT }], kubelet: 'is refused' },
  { name: 'no port', secrets: [{ HOST: RIGHT }], kubelet: 'is refused' },
  { name: 'the path of the image', secrets: [{ [`HOST:PORT/${REPOSITORY}`]: RIGHT }], kubelet: 'pulls' },
  { name: 'a path above the image', secrets: [{ 'HOST:PORT/team': RIGHT }], kubelet: 'pulls' },
  { name: 'another path', secrets: [{ 'HOST:PORT/other': RIGHT }], kubelet: 'is refused' },
  { name: 'a beginning of the path', secrets: [{ 'HOST:PORT/te': RIGHT }], kubelet: 'pulls' },
  { name: 'a wildcard', secrets: [{ '*.1.0.1:PORT': RIGHT }], kubelet: 'pulls' },
  { name: 'a wildcard in a part', secrets: [{ '1*.1.*.1:PORT': RIGHT }], kubelet: 'pulls' },
  { name: 'a wildcard for too few parts', secrets: [{ '*.0.1:PORT': RIGHT }], kubelet: 'is refused' },
  {
    name: 'two Secrets for the host, the first with a wrong password',
    secrets: [{ 'HOST:PORT': WRONG }, { 'HOST:PORT': RIGHT }],
    kubelet: 'pulls',
  },
  {
    name: 'a longer path with a wrong password, and the host',
    secrets: [{ 'HOST:PORT/team': WRONG, 'HOST:PORT': RIGHT }],
    kubelet: 'pulls',
  },
  {
    name: 'an entry that cannot be read, in the same Secret',
    secrets: [{ 'reg.example': { auth: '!' }, 'HOST:PORT': RIGHT }],
    kubelet: 'is refused',
    onlyBinding: true,
  },
  {
    name: 'an entry that cannot be read, in another Secret',
    secrets: [{ 'reg.example': { auth: '!' } }, { 'HOST:PORT': RIGHT }],
    kubelet: 'is refused',
    onlyBinding: true,
  },
  { name: 'a public image without a pull secret', secrets: [], open: true, kubelet: 'pulls' },
  {
    name: 'a public image with a pull secret for another host',
    secrets: [{ 'reg.example': RIGHT }],
    open: true,
    kubelet: 'pulls',
  },
];

describe('for a pull secret with', { skip }, () => {
  let shared: NodeCluster;
  /** The hosts of the registries, as the node sees them. */
  let closed: string;
  let open: string;
  const outcomes = new Map<string, PromiseSettledResult<Outcome>>();

  before(async () => {
    shared = await environment();
    const { group } = shared.cluster.controlPlane;
    const registries = [await startRegistry({ user: USER, group, log }), await startRegistry({ group, log })];
    const { workload } = await tools(['workload'], log);
    const { archive } = await buildTestImage(await programImage('app:1.0', workload, 'app'));
    const expose = async (registry: Registry | undefined) => {
      await registry?.pushArchive(`${REPOSITORY}:1.0`, archive);
      return shared.node.expose(registry?.host ?? '');
    };
    [closed = '', open = ''] = await Promise.all(registries.map(expose));
    await installController([closed, open]);
    for (let index = 0; index < TABLE.length; index += BATCH) {
      const batch = TABLE.slice(index, index + BATCH);
      for (const [place, outcome] of (await Promise.allSettled(batch.map(outcomeOf))).entries())
        outcomes.set(batch[place]?.name ?? '', outcome);
    }
  });

  async function outcomeOf(row: Row): Promise<Outcome> {
    const namespace = await shared.cluster.namespace();
    const imagePullSecrets = row.secrets.map((_, index) => ({ name: `pull-${index}` }));
    for (const [index, secret] of row.secrets.entries()) await createSecret(namespace, index, secret);
    const repository = `${row.open === true ? open : closed}/${REPOSITORY}`;
    const binding = { image: repository, imagePullSecrets, verification: 'Required' } as const;
    await namespace.binding('app', binding);
    const [kubelet, found] = await Promise.all([
      pulled(namespace, { image: `${repository}:1.0`, imagePullSecrets }),
      foundBy(namespace),
    ]);
    return { kubelet, binding: found };
  }

  async function createSecret(namespace: TestNamespace, index: number, secret: PullSecret): Promise<void> {
    const [host = '', port = ''] = closed.split(':');
    const place = (entries: object) =>
      JSON.stringify(entries).replaceAll('HOST', host).replaceAll('PORT', port);
    const older = 'type' in secret && 'entries' in secret;
    const text = older ? place(secret.entries) : place({ auths: secret });
    const key = older ? '.dockercfg' : '.dockerconfigjson';
    const type = older ? 'kubernetes.io/dockercfg' : 'kubernetes.io/dockerconfigjson';
    await namespace.put(SECRETS, {
      metadata: { name: `pull-${index}` },
      type,
      data: { [key]: btoa(text) },
    });
  }

  async function pulled(
    namespace: TestNamespace,
    spec: { readonly image: string; readonly imagePullSecrets: readonly object[] },
  ): Promise<Row['kubelet']> {
    const { image, imagePullSecrets } = spec;
    const pod = {
      metadata: { name: 'app' },
      spec: { containers: [{ name: 'app', image, imagePullPolicy: 'Always' }], imagePullSecrets },
    };
    // The service account of a new namespace is created a moment after it.
    await until(() => namespace.put(PODS, pod).then(() => true), 'the pod to be created');
    return until(
      async () => {
        const state = (await namespace.get<Pod>(PODS, 'app'))?.status?.containerStatuses?.[0]?.state;
        if (state?.running !== undefined) return 'pulls';
        const { reason = 'ContainerCreating' } = state?.waiting ?? {};
        return reason !== 'ContainerCreating' && 'is refused';
      },
      `${namespace.name} to pull or not`,
      SECONDS,
    );
  }

  /** Whether a binding finds a credential that the registry accepts, or that none is needed. */
  async function foundBy(namespace: TestNamespace): Promise<'access' | 'no access'> {
    const reasons = await until(
      async () => {
        const all = await reasonsOf(namespace);
        return all.has('Ready') && ![...all.values()].includes('Verifying') && all;
      },
      `the binding of ${namespace.name} to be decided`,
      SECONDS,
    );
    const hasAccess =
      reasons.get('CredentialResolved') === 'Anonymous' || reasons.get('CredentialVerified') === 'Accepted';
    return hasAccess ? 'access' : 'no access';
  }

  /** The reasons of the binding's conditions, by type. */
  async function reasonsOf(namespace: TestNamespace): Promise<ReadonlyMap<string, string>> {
    const binding = await namespace.get<Binding>(imageCredentialBindings, 'app');
    return new Map(binding?.status?.conditions?.map(({ type, reason }) => [type, reason]));
  }

  for (const { name, kubelet, onlyBinding = false } of TABLE) {
    const binding = kubelet === 'pulls' || onlyBinding ? 'access' : 'no access';
    it(`${name}, the kubelet ${kubelet}, and a binding finds ${binding}`, () => {
      assert.deepEqual(outcomes.get(name), { status: 'fulfilled', value: { kubelet, binding } });
    });
  }
});

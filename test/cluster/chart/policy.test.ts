import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CONTROLLER_USER } from '../../../hack/testenv/controller.ts';
import { type ImageCredentialBindingSpec, imageCredentialBindings } from '../../../src/api/index.ts';
import { type Binding, Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

type Spec = {
  readonly [Field in keyof ImageCredentialBindingSpec]?: ImageCredentialBindingSpec[Field] | undefined;
};

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const SCB = ['execution.securecodebox.io'];
const getSecrets: Rule = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
const updateScans: Rule = { apiGroups: SCB, resources: ['scheduledscans'], verbs: ['update'] };

/** What they may do, besides writing bindings. */
const users = {
  nobody: [],
  reader: [{ ...getSecrets, resourceNames: ['mine'] }],
  keeper: [getSecrets],
  /** A list shows Secrets, too, but is no right to one by its name. */
  lister: [{ ...getSecrets, verbs: ['list', 'watch'] }],
  scanner: [updateScans],
  /** Neither is a right to update. */
  patcher: [
    { ...updateScans, verbs: ['get', 'patch'] },
    { ...updateScans, resources: ['scheduledscans/status'] },
  ],
  editor: [getSecrets, updateScans],
} as const;
type User = keyof typeof users;

const secrets = (...names: readonly string[]): Pick<ImageCredentialBindingSpec, 'imagePullSecrets'> => ({
  imagePullSecrets: names.map((name) => ({ name })),
});
const numbered = (prefix: string) =>
  secrets(...Array.from({ length: 16 }, (_, index) => `${prefix}-${index}`));

/** What somebody may create. */
const created: readonly (readonly [User, string, Spec])[] = [
  ['nobody', 'a binding that names no secret', secrets()],
  ['reader', 'one that names the secret that they may get', secrets('mine')],
  ['keeper', 'one that names as many secrets as there may be', numbered('any')],
  ['scanner', 'one that moves scans', { ...secrets(), replaces: ['old.example/app'] }],
  [
    'editor',
    'one that does both',
    { ...numbered('any'), replaces: ['old.example/app', 'older.example/app'] },
  ],
  ['nobody', 'one whose list of earlier homes is empty', { ...secrets(), replaces: [] }],
];

/** What somebody may not create, and what they are told. */
const notCreated: readonly (readonly [User, string, Spec, RegExp])[] = [
  [
    'nobody',
    'a binding that names a secret',
    secrets('mine'),
    /expected only Secrets that you may read in spec\.imagePullSecrets, found "mine", which "nobody" may not get; remove it, or ask for the right to get this Secret in the namespace "test-/,
  ],
  ['reader', 'one that names another secret besides', secrets('mine', 'theirs'), /found "theirs"/],
  [
    'reader',
    'one of whose 16 secrets only the last is theirs',
    { imagePullSecrets: [...(numbered('any').imagePullSecrets ?? []).slice(1), { name: 'mine' }] },
    /found "any-1"/,
  ],
  ['lister', 'one that names a secret that they see in lists', secrets('mine'), /found "mine"/],
  ['scanner', 'one that names a secret', secrets('mine'), /found "mine"/],
  [
    'keeper',
    'one that moves scans',
    { ...secrets('mine'), replaces: ['old.example/app'] },
    /expected no new entry in spec\.replaces, found "old\.example\/app": this change migrates scans, but "keeper" may not update ScheduledScans; undo it, or ask for the right to update scheduledscans\.execution\.securecodebox\.io in the namespace "test-/,
  ],
  ['patcher', 'one that moves scans', { ...secrets(), replaces: ['old.example/app'] }, /may not update/],
];

const theirs: Partial<ImageCredentialBindingSpec> = {
  image: 'reg.example/app',
  replaces: ['old.example/app', 'older.example/app'],
  verification: 'Preferred',
  ...secrets('theirs', 'more'),
};

/** What somebody may change in a binding of another person. */
const changed: readonly (readonly [User, string, Spec])[] = [
  ['nobody', 'nothing', {}],
  ['nobody', 'that it only observes', { mode: 'Observe' }],
  ['nobody', 'that more must be verified', { verification: 'Required' }],
  [
    'nobody',
    'any other field, where it replaces nothing',
    { replaces: undefined, verification: 'Never', scanSelector: { matchLabels: { team: 'shop' } } },
  ],
  ['nobody', 'the order of the secrets', secrets('more', 'theirs')],
  ['nobody', 'fewer secrets', secrets('more')],
  ['nobody', 'fewer earlier homes', { replaces: ['older.example/app'] }],
  ['nobody', 'no earlier home at all', { replaces: undefined }],
  ['reader', 'one more secret, that they may get', secrets('theirs', 'mine', 'more')],
  ['keeper', 'as many other secrets as there may be', numbered('other')],
  ['scanner', 'the image', { image: 'new.example/app' }],
  ['scanner', 'one more earlier home', { replaces: ['old.example/app', 'oldest.example/app'] }],
  ['scanner', 'which scans are moved', { scanSelector: { matchLabels: { team: 'pay' } } }],
];

/** What somebody may not change in a binding of another person, and what they are told. */
const notChanged: readonly (readonly [User, string, Spec, RegExp])[] = [
  ['nobody', 'one more secret', secrets('theirs', 'more', 'mine'), /found "mine"/],
  ['reader', 'another secret that they may not get', secrets('theirs', 'other'), /found "other"/],
  [
    'keeper',
    'the image',
    { image: 'new.example/app' },
    /expected spec\.image to remain "reg\.example\/app", found "new\.example\/app": this change migrates scans, but "keeper" may not update/,
  ],
  [
    'nobody',
    'the image, to a single version of it',
    { image: 'reg.example/app:1.0', replaces: undefined },
    /expected spec\.image to remain/,
  ],
  [
    'patcher',
    'one more earlier home',
    { replaces: ['old.example/app', 'new.example/app'] },
    /expected no new entry in spec\.replaces, found "new\.example\/app"/,
  ],
  [
    'nobody',
    'which scans are moved',
    { scanSelector: { matchLabels: { team: 'pay' } } },
    /expected spec\.scanSelector to remain unchanged while spec\.replaces is set, found a change: this change migrates scans/,
  ],
  [
    'patcher',
    'what a move waits for',
    { verification: 'Never' },
    /expected spec\.verification to remain "Preferred" while spec\.replaces is set, found "Never"/,
  ],
];

const patch = (type: string, body: object) => (name: string) => [
  ...['patch', 'icb', name, '--type', type, '--patch', JSON.stringify(body)],
];
const { apiVersion, kind } = imageCredentialBindings;
const applied = (spec: Spec) => (name: string) => ({
  ...{ apiVersion, kind, metadata: { name } },
  spec: { image: 'reg.example/app', imagePullSecrets: [], ...spec },
});
const apply =
  (...flags: readonly string[]) =>
  () => ['apply', ...flags, '--filename', '-'];
const image = { image: 'new.example/app' };
const label = { labels: { 'app.kubernetes.io/managed-by': 'image-credential-binding' } };
const takeOver = (name: string) => ['label', 'icb', name, 'app.kubernetes.io/managed-by-'];
const workloads = { 'credentials.securecodebox.io/workloads': 'Deployment/web/app' };

describe('the admission policy of the chart', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  let count = 0;

  before(async () => {
    cluster = await Cluster.start({ values: ['config.discovery.enabled=true'] });
    namespace = await cluster.namespace();
    await grant(namespace, users);
    const refused = () => write(namespace, 'nobody', 'probe', secrets('any'));
    await until(() => refused().then(() => false, isRefusal), 'the policy to be in force');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Lets people write bindings in a namespace, gives them the rights besides, and waits until they have them. */
  async function grant(
    place: TestNamespace,
    rights: Readonly<Record<string, readonly Rule[]>>,
  ): Promise<void> {
    const rbac = 'rbac.authorization.k8s.io';
    const { group, plural } = imageCredentialBindings;
    const own: Rule = {
      apiGroups: [group],
      resources: [plural],
      verbs: ['create', 'get', 'update', 'patch'],
    };
    const items = Object.entries(rights).flatMap(([name, rules]) => {
      const common = { apiVersion: `${rbac}/v1`, metadata: { name, namespace: place.name } };
      const subjects = [{ apiGroup: rbac, kind: 'User', name: userOf(name) }];
      const roleRef = { apiGroup: rbac, kind: 'Role', name };
      return [
        { ...common, kind: 'Role', rules: [own, ...rules] },
        { ...common, kind: 'RoleBinding', roleRef, subjects },
      ];
    });
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await cluster.controlPlane.kubectl(['create', '--filename', '-'], { input });
    // The API server takes them up in the order in which they were written.
    const last = Object.keys(rights).at(-1) ?? '';
    const asked = ['auth', 'can-i', 'create', 'icb', '--namespace', place.name, '--as', userOf(last)];
    await until(() => cluster.controlPlane.kubectl(asked), `${last} to have rights`);
  }

  function isRefusal(error: unknown): boolean {
    return String(error).includes('ValidatingAdmissionPolicy');
  }

  /** Applies a binding as somebody else; rejects with what kubectl says. */
  async function write(place: TestNamespace, user: string, name: string, spec: Spec): Promise<void> {
    const { apiVersion, kind } = imageCredentialBindings;
    const manifest = {
      ...{ apiVersion, kind, metadata: { name, namespace: place.name } },
      spec: { image: 'reg.example/app', imagePullSecrets: [], ...spec },
    };
    const args = ['apply', '--server-side', '--force-conflicts', '--as', user, '--filename', '-'];
    await cluster.controlPlane.kubectl(args, { input: JSON.stringify(manifest) });
  }

  /** Replaces a binding of another person; rejects with what kubectl says. */
  async function change(user: string, spec: Spec): Promise<void> {
    const name = `binding-${count++}`;
    await namespace.binding(name, theirs);
    const { apiVersion, kind } = imageCredentialBindings;
    const metadata = { name, namespace: namespace.name };
    const manifest = { apiVersion, kind, metadata, spec: { ...theirs, ...spec } };
    await cluster.controlPlane.kubectl(['replace', '--as', user, '--filename', '-'], {
      input: JSON.stringify(manifest),
    });
  }

  /** Writes to a binding that was made with these, as kubectl does by `args`. */
  async function edit(
    user: string,
    before: { readonly spec?: Spec; readonly metadata?: object },
    args: (name: string) => readonly string[],
    input?: (name: string) => object,
  ): Promise<void> {
    const name = `binding-${count++}`;
    await namespace.put(imageCredentialBindings, {
      metadata: { ...before.metadata, name },
      spec: { image: 'reg.example/app', imagePullSecrets: [], ...before.spec },
    });
    await cluster.controlPlane.kubectl(
      [...args(name), '--namespace', namespace.name, '--as', user],
      input === undefined ? {} : { input: JSON.stringify(input(name)) },
    );
  }

  for (const [user, what, spec] of created)
    it(`lets ${user} create ${what}`, async () => write(namespace, user, `binding-${count++}`, spec));

  for (const [user, what, spec, message] of notCreated)
    it(`does not let ${user} create ${what}`, async () => {
      await assert.rejects(write(namespace, user, `binding-${count++}`, spec), message);
    });

  for (const [user, what, spec] of changed)
    it(`lets ${user} change of another's binding: ${what}`, async () => change(user, spec));

  for (const [user, what, spec, message] of notChanged)
    it(`does not let ${user} change of another's binding: ${what}`, async () => {
      await assert.rejects(change(user, spec), message);
    });

  for (const [way, args, input] of [
    ['a merge patch', patch('merge', { spec: image }), undefined],
    ['a JSON patch', patch('json', [{ op: 'replace', path: '/spec/image', value: image.image }]), undefined],
    ['kubectl apply', apply(), applied(image)],
    ['server-side apply', apply('--server-side', '--force-conflicts'), applied(image)],
  ] as const)
    it(`judges what ${way} makes of a binding`, async () => {
      await assert.rejects(
        edit(userOf('nobody'), {}, args, input),
        /expected spec\.image to remain "reg\.example\/app"/,
      );
      await edit('scanner', {}, args, input);
    });

  it('does not let nobody begin to move scans that somebody only observed', async () => {
    const spec: Spec = { mode: 'Observe', replaces: ['old.example/app'] };
    const enforce = patch('merge', { spec: { mode: 'Enforce' } });
    await assert.rejects(
      edit('nobody', { spec }, enforce),
      /expected spec\.mode to remain "Observe" while spec\.replaces is set/,
    );
    await edit('nobody', { spec: { mode: 'Observe' } }, enforce);
    await edit('scanner', { spec }, enforce);
  });

  describe('against ways around it', () => {
    it('lets nobody take over what discovery has made, but for what it replaces', async () => {
      await edit('nobody', { metadata: label }, takeOver);
      const before = { metadata: label, spec: { replaces: ['old.example/app'] } };
      await assert.rejects(
        edit('nobody', before, takeOver),
        /expected the label app\.kubernetes\.io\/managed-by to remain unchanged while spec\.replaces is set/,
      );
      await edit('scanner', before, takeOver);
    });

    it('does not let nobody tell discovery what it has seen, which it would move scans by', async () => {
      const note = patch('merge', { metadata: { annotations: workloads } });
      const says =
        /expected the annotation credentials\.securecodebox\.io\/workloads to be written only by discovery/;
      await assert.rejects(edit('nobody', { metadata: label }, note), says);
      await assert.rejects(
        edit('nobody', { metadata: { annotations: workloads } }, patch('merge', { metadata: label })),
        says,
      );
      const planted = (name: string) => ({
        ...applied({})(name),
        metadata: { name: `${name}-planted`, ...label, annotations: workloads },
      });
      await assert.rejects(edit('nobody', {}, apply(), planted), says);
      await edit(
        'nobody',
        { metadata: { ...label, annotations: workloads } },
        patch('merge', { spec: { mode: 'Observe' } }),
      );
      await edit('scanner', {}, apply(), planted);
    });

    it('judges names that the API server makes, and lets nothing pass by way of the status', async () => {
      const generated = () => ({ ...applied(secrets('mine'))(''), metadata: { generateName: 'any-' } });
      const create = () => ['create', '--filename', '-'];
      await assert.rejects(edit('nobody', {}, create, generated), /found "mine"/);
      await edit('reader', {}, create, generated);
      const name = `binding-${count++}`;
      await write(namespace, 'nobody', name, {});
      await cluster.client.patchStatus(
        imageCredentialBindings,
        { namespace: namespace.name, name },
        { spec: { ...secrets('mine'), replaces: ['old.example/app'] }, status: { observedGeneration: 1 } },
      );
      const { spec } = (await namespace.get<Binding>(imageCredentialBindings, name)) ?? {};
      assert.deepEqual([spec?.imagePullSecrets, spec?.replaces], [[], undefined]);
    });

    it('is not got round by deleting a binding and making another by its name while no controller runs', async () => {
      const place = await cluster.namespace();
      const home = (image: string) => ({ ...secrets('pull'), image, verification: 'Never' }) as const;
      const auth = { auth: btoa('user:pass') };
      await place.pullSecret('pull', { 'reg.example': auth, 'new.example': auth });
      await place.scan('scan');
      const first = await cluster.startController();
      await place.binding('app', home('reg.example/app'));
      await place.bound('scan');
      await first.process.stop();
      await place.delete(imageCredentialBindings, 'app');
      await place.binding('app', home('new.example/app'));
      const second = await cluster.startController();
      await place.condition('app', 'ScansBound', 'True NoScans');
      const { spec, metadata } = await place.rawScan('scan');
      assert.deepEqual([spec.scanSpec.parameters, metadata.annotations ?? {}], [['reg.example/app:1.0'], {}]);
      await second.process.stop();
    });
  });

  it('costs the API server no more than it allows, with all that a binding can have', async () => {
    const long = (host: string) =>
      Array.from(
        { length: 16 },
        (_, index) => `${host}.example/${'r'.repeat(200)}/${'p'.repeat(40)}-${index}`,
      );
    const names = (prefix: string) =>
      secrets(...Array.from({ length: 16 }, (_, index) => `${prefix.repeat(240)}-${index}`));
    const change = patch('merge', { spec: { ...names('b'), replaces: long('other') } });
    await edit('editor', { spec: { ...names('a'), replaces: long('old') } }, change);
    await assert.rejects(
      edit('nobody', { spec: { ...names('a'), replaces: long('old') } }, change),
      /expected nothing new/,
    );
  });

  it('counts rights in the namespace of the binding alone', async () => {
    const other = await cluster.namespace();
    await grant(other, { reader: [] });
    await assert.rejects(
      write(other, 'reader', 'app', secrets('mine')),
      /found "mine", which "reader" may not get/,
    );
  });

  it('lets discovery name what pods name, and nobody else of its namespace', async () => {
    const spec = { ...secrets('theirs'), replaces: ['old.example/app'] };
    await write(namespace, CONTROLLER_USER, 'discovered', spec);
    await grant(namespace, { other: [] });
    await assert.rejects(write(namespace, userOf('other'), 'not-discovered', spec), /may not/);
  });
});

/** `other` is a neighbour of the controller's ServiceAccount. */
function userOf(name: string): string {
  return name === 'other' ? CONTROLLER_USER.replace(/[^:]+$/, name) : name;
}

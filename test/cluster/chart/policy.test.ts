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

/** What each user may do, besides writing bindings. */
const users = {
  nobody: [],
  reader: [{ ...getSecrets, resourceNames: ['mine'] }],
  keeper: [getSecrets],
  /** The right to list shows Secrets, too, but does not include the right to get one by its name. */
  lister: [{ ...getSecrets, verbs: ['list', 'watch'] }],
  scanner: [updateScans],
  /** Neither rule grants the right to update ScheduledScans. */
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

/** What a user may create. */
const created: readonly (readonly [User, string, Spec])[] = [
  ['nobody', 'a binding that names no Secret', secrets()],
  ['reader', 'a binding that names the Secret that they may get', secrets('mine')],
  ['keeper', 'a binding that names the maximum number of Secrets', numbered('any')],
  ['scanner', 'a binding that migrates scans', { ...secrets(), replaces: ['old.example/app'] }],
  [
    'editor',
    'a binding that names Secrets and migrates scans',
    { ...numbered('any'), replaces: ['old.example/app', 'older.example/app'] },
  ],
  ['nobody', 'a binding with an empty spec.replaces', { ...secrets(), replaces: [] }],
];

/** What a user may not create, and the message. */
const notCreated: readonly (readonly [User, string, Spec, RegExp])[] = [
  [
    'nobody',
    'a binding that names a Secret',
    secrets('mine'),
    /expected only Secrets that you may read in spec\.imagePullSecrets, found "mine", which "nobody" may not get; remove it, or ask for the right to get this Secret in the namespace "test-/,
  ],
  ['reader', 'a binding that also names another Secret', secrets('mine', 'theirs'), /found "theirs"/],
  [
    'reader',
    'a binding of whose 16 Secrets they may get only the last',
    { imagePullSecrets: [...(numbered('any').imagePullSecrets ?? []).slice(1), { name: 'mine' }] },
    /found "any-1"/,
  ],
  ['lister', 'a binding that names a Secret that they see in lists', secrets('mine'), /found "mine"/],
  ['scanner', 'a binding that names a Secret', secrets('mine'), /found "mine"/],
  [
    'keeper',
    'a binding that migrates scans',
    { ...secrets('mine'), replaces: ['old.example/app'] },
    /expected no new entry in spec\.replaces, found "old\.example\/app": this change migrates scans, but "keeper" may not update ScheduledScans; undo it, or ask for the right to update scheduledscans\.execution\.securecodebox\.io in the namespace "test-/,
  ],
  [
    'patcher',
    'a binding that migrates scans',
    { ...secrets(), replaces: ['old.example/app'] },
    /may not update/,
  ],
];

const theirs: Partial<ImageCredentialBindingSpec> = {
  image: 'reg.example/app',
  replaces: ['old.example/app', 'older.example/app'],
  verification: 'Preferred',
  ...secrets('theirs', 'more'),
};

/** What a user may change in another user's binding. */
const changed: readonly (readonly [User, string, Spec])[] = [
  ['nobody', 'nothing', {}],
  ['nobody', 'the mode to Observe', { mode: 'Observe' }],
  ['nobody', 'the verification to Required', { verification: 'Required' }],
  [
    'nobody',
    'any other field, if spec.replaces is empty',
    { replaces: undefined, verification: 'Never', scanSelector: { matchLabels: { team: 'shop' } } },
  ],
  ['nobody', 'the order of the Secrets', secrets('more', 'theirs')],
  ['nobody', 'fewer Secrets', secrets('more')],
  ['nobody', 'fewer previous repositories', { replaces: ['older.example/app'] }],
  ['nobody', 'no previous repository', { replaces: undefined }],
  ['nobody', 'the delivery to Shared', { delivery: 'Shared' }],
  ['keeper', 'the delivery to Direct', { delivery: 'Direct' }],
  ['reader', 'one more Secret, which they may get', secrets('theirs', 'mine', 'more')],
  ['keeper', 'the maximum number of other Secrets', numbered('other')],
  ['scanner', 'the image', { image: 'new.example/app' }],
  ['scanner', 'one more previous repository', { replaces: ['old.example/app', 'oldest.example/app'] }],
  ['scanner', 'which scans are migrated', { scanSelector: { matchLabels: { team: 'pay' } } }],
];

/** What a user may not change in another user's binding, and the message. */
const notChanged: readonly (readonly [User, string, Spec, RegExp])[] = [
  ['nobody', 'one more Secret', secrets('theirs', 'more', 'mine'), /found "mine"/],
  ['nobody', 'the delivery to Direct', { delivery: 'Direct' }, /found "theirs"/],
  ['reader', 'another Secret that they may not get', secrets('theirs', 'other'), /found "other"/],
  [
    'keeper',
    'the image',
    { image: 'new.example/app' },
    /expected spec\.image to remain "reg\.example\/app", found "new\.example\/app": this change migrates scans, but "keeper" may not update/,
  ],
  [
    'nobody',
    'the image to a single version of it',
    { image: 'reg.example/app:1.0', replaces: undefined },
    /expected spec\.image to remain/,
  ],
  [
    'patcher',
    'one more previous repository',
    { replaces: ['old.example/app', 'new.example/app'] },
    /expected no new entry in spec\.replaces, found "new\.example\/app"/,
  ],
  [
    'nobody',
    'which scans are migrated',
    { scanSelector: { matchLabels: { team: 'pay' } } },
    /expected spec\.scanSelector to remain unchanged while spec\.replaces is set, found a change: this change migrates scans/,
  ],
  [
    'patcher',
    'the verification that a migration waits for',
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
    await until(() => refused().then(() => false, isRefusal), 'the policy to take effect');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Lets users write bindings in a namespace, grants their other rights, and waits until both are in effect. */
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
    // The API server applies RoleBindings in the order in which they were written.
    const last = Object.keys(rights).at(-1) ?? '';
    const args = ['auth', 'can-i', 'create', 'icb', '--namespace', place.name, '--as', userOf(last)];
    await until(() => cluster.controlPlane.kubectl(args), `${last} to have their rights`);
  }

  function isRefusal(error: unknown): boolean {
    return String(error).includes('ValidatingAdmissionPolicy');
  }

  /** Applies a binding as this user. Rejects with the output of kubectl. */
  async function write(place: TestNamespace, user: string, name: string, spec: Spec): Promise<void> {
    const { apiVersion, kind } = imageCredentialBindings;
    const manifest = {
      ...{ apiVersion, kind, metadata: { name, namespace: place.name } },
      spec: { image: 'reg.example/app', imagePullSecrets: [], ...spec },
    };
    const args = ['apply', '--server-side', '--force-conflicts', '--as', user, '--filename', '-'];
    await cluster.controlPlane.kubectl(args, { input: JSON.stringify(manifest) });
  }

  /** Replaces another user's binding. Rejects with the output of kubectl. */
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

  /** Creates a binding with this spec and metadata, then writes it with the kubectl command `args`. */
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
    it(`lets user "${user}" create ${what}`, async () => write(namespace, user, `binding-${count++}`, spec));

  for (const [user, what, spec, message] of notCreated)
    it(`does not let user "${user}" create ${what}`, async () => {
      await assert.rejects(write(namespace, user, `binding-${count++}`, spec), message);
    });

  for (const [user, what, spec] of changed)
    it(`lets user "${user}" change another user's binding: ${what}`, async () => change(user, spec));

  for (const [user, what, spec, message] of notChanged)
    it(`does not let user "${user}" change another user's binding: ${what}`, async () => {
      await assert.rejects(change(user, spec), message);
    });

  for (const [way, args, input] of [
    ['a merge patch', patch('merge', { spec: image }), undefined],
    ['a JSON patch', patch('json', [{ op: 'replace', path: '/spec/image', value: image.image }]), undefined],
    ['kubectl apply', apply(), applied(image)],
    ['server-side apply', apply('--server-side', '--force-conflicts'), applied(image)],
  ] as const)
    it(`validates the binding that results from ${way}`, async () => {
      await assert.rejects(
        edit(userOf('nobody'), {}, args, input),
        /expected spec\.image to remain "reg\.example\/app"/,
      );
      await edit('scanner', {}, args, input);
    });

  it('requires the right to migrate scans for a change of the mode from Observe to Enforce', async () => {
    const spec: Spec = { mode: 'Observe', replaces: ['old.example/app'] };
    const enforce = patch('merge', { spec: { mode: 'Enforce' } });
    await assert.rejects(
      edit('nobody', { spec }, enforce),
      /expected spec\.mode to remain "Observe" while spec\.replaces is set/,
    );
    await edit('nobody', { spec: { mode: 'Observe' } }, enforce);
    await edit('scanner', { spec }, enforce);
  });

  describe('against attempts to circumvent it', () => {
    it('lets a user take over a discovered binding, unless it replaces something and the user may not migrate scans', async () => {
      await edit('nobody', { metadata: label }, takeOver);
      const before = { metadata: label, spec: { replaces: ['old.example/app'] } };
      await assert.rejects(
        edit('nobody', before, takeOver),
        /expected the label app\.kubernetes\.io\/managed-by to remain unchanged while spec\.replaces is set/,
      );
      await edit('scanner', before, takeOver);
    });

    it('does not let a user write the annotation of discovery, which can cause a migration', async () => {
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

    it('validates bindings with generated names, and ignores a spec that is written with the status', async () => {
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

    it('does not migrate a scan if a binding is deleted and recreated by its name while no controller runs', async () => {
      const place = await cluster.namespace();
      const specOf = (image: string) => ({ ...secrets('pull'), image, verification: 'Never' }) as const;
      const auth = { auth: btoa('user:pass') };
      await place.pullSecret('pull', { 'reg.example': auth, 'new.example': auth });
      await place.scan('scan');
      const first = await cluster.startController();
      await place.binding('app', specOf('reg.example/app'));
      await place.bound('scan');
      await first.process.stop();
      await place.delete(imageCredentialBindings, 'app');
      await place.binding('app', specOf('new.example/app'));
      const second = await cluster.startController();
      await place.condition('app', 'ScansBound', 'True NoScans');
      const { spec, metadata } = await place.rawScan('scan');
      assert.deepEqual([spec.scanSpec.parameters, metadata.annotations ?? {}], [['reg.example/app:1.0'], {}]);
      await second.process.stop();
    });
  });

  it('stays within the cost limit of the API server for the largest possible binding', async () => {
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
      /expected no new entry in spec\.replaces/,
    );
  });

  it('counts only the rights in the namespace of the binding', async () => {
    const other = await cluster.namespace();
    await grant(other, { reader: [] });
    await assert.rejects(
      write(other, 'reader', 'app', secrets('mine')),
      /found "mine", which "reader" may not get/,
    );
  });

  it('lets the controller create bindings that name any Secret, but no other ServiceAccount of its namespace', async () => {
    const spec = { ...secrets('theirs'), replaces: ['old.example/app'] };
    await write(namespace, CONTROLLER_USER, 'discovered', spec);
    await grant(namespace, { other: [] });
    await assert.rejects(write(namespace, userOf('other'), 'not-discovered', spec), /may not/);
  });
});

/** `other` is another ServiceAccount in the controller's namespace. */
function userOf(name: string): string {
  return name === 'other' ? CONTROLLER_USER.replace(/[^:]+$/, name) : name;
}

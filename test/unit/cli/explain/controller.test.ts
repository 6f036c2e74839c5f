import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { binding, Files, pullSecret, runExplain, scheduledScan } from '../../../support/explain.ts';

const IMAGE = 'reg.example/app:1';
const PASSWORD = 'Canary-7Hq2';
const fitting = (name: string, key = 'reg.example') =>
  pullSecret(name, { [key]: { username: 'dop_v1_canary', password: PASSWORD } });
const opaque = (name: string, stringData: object, more: object = {}, metadata: object = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque', stringData, metadata: { name, ...metadata } },
  ...more,
});
const REGISTRIES = 'credentials.securecodebox.io/registries';
const AWS_KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'canary/0123456789abcdef',
};
const discovered = { labels: { 'app.kubernetes.io/managed-by': 'image-credential-binding' } };

/** Runs `explain` on objects, as text and as JSON. */
function run(items: readonly object[], image = IMAGE, ...flags: readonly string[]) {
  using files = new Files();
  const file = files.write('l.json', { apiVersion: 'v1', kind: 'List', items });
  const text = runExplain([image, ...file, ...flags]);
  const json = runExplain([image, ...file, ...flags, '-o', 'json']);
  assert.equal(json.status, text.status);
  assert.doesNotMatch(text.stdout + text.stderr + json.stdout, new RegExp(PASSWORD));
  const [explanation] = JSON.parse(json.stdout);
  const { conditions } = explanation as {
    conditions: readonly { type: string; status: string; reason: string }[];
  };
  const briefly = conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  return { ...text, explanation, conditions: briefly };
}

interface Case {
  readonly name: string;
  readonly items: readonly object[];
  readonly image?: string;
  readonly status: 0 | 1;
  /** Of the conditions, as `type status reason`. */
  readonly conditions: readonly string[];
  readonly says?: readonly RegExp[];
}

const NOT_FOUND = ['Ready False SecretNotFound', 'CredentialResolved False SecretNotFound'];
/** A login whose password is a JSON Web Token of 2001. */
const EXPIRED = btoa(`user:e30.${Buffer.from('{"exp":1000000000}').toString('base64url')}.c2ln`);
const DISABLED = 'CredentialVerified Unknown Disabled';
const NO_SCANS = 'ScansBound True NoScans';

const CASES: readonly Case[] = [
  {
    name: 'a Secret with the hash suffix of kustomize',
    items: [fitting('pull-5m2h6gk9tc'), binding('app', {})],
    status: 1,
    conditions: [...NOT_FOUND, NO_SCANS],
    says: [
      /the binding "app" names the Secret "pull": .* found none; .*did you mean "pull-5m2h6gk9tc"\? kustomize adds/,
      /the controller would say\n {4}Ready +False +SecretNotFound\n {6}no credential for reg\.example\/app: Secret pull does not exist/,
      /none: no entry of these Secrets fits/,
    ],
  },
  {
    name: 'a Secret with another hash suffix of kustomize',
    items: [fitting('pull-5m2h6gk9tc'), binding('app', { imagePullSecrets: [{ name: 'pull-7h8k9t2bcd' }] })],
    status: 1,
    conditions: [...NOT_FOUND, NO_SCANS],
    says: [/did you mean "pull-5m2h6gk9tc"\?/],
  },
  {
    name: 'a typo in the name of a Secret',
    items: [fitting('regcred'), binding('app', { imagePullSecrets: [{ name: 'regcerd' }] })],
    status: 1,
    conditions: [...NOT_FOUND, NO_SCANS],
    says: [/names the Secret "regcerd": .*; did you mean "regcred"\?$/m],
  },
  {
    name: 'a Secret that the API server would refuse',
    items: [{ ...fitting('pull'), sdata: {} }, binding('app', {})],
    status: 1,
    conditions: [...NOT_FOUND, NO_SCANS],
    says: [/item 1: the API server would refuse the Secret "pull": it has no field "sdata"/],
  },
  {
    name: 'one of two Secrets that does not exist',
    items: [fitting('pull'), binding('app', { imagePullSecrets: [{ name: 'gone' }, { name: 'pull' }] })],
    status: 0,
    conditions: [
      'Ready True Ready',
      'CredentialResolved True Selected',
      'CredentialVerified Unknown Verifying',
      NO_SCANS,
    ],
    says: [/CredentialResolved +True +Selected\n.*; Secret gone does not exist\n/],
  },
  {
    name: 'an Opaque Secret without the annotation, whatever it holds',
    items: [opaque('pull', { anything: 'x' }), binding('app', {})],
    status: 1,
    conditions: [
      'Ready False NotAnnotated',
      'CredentialResolved False NotAnnotated',
      NO_SCANS,
      'Stalled True NotAnnotated',
    ],
  },
  {
    name: 'an annotated Secret without a known credential',
    items: [
      opaque('pull', { anything: 'x' }, {}, { annotations: { [REGISTRIES]: 'reg.example' } }),
      binding('app', {}),
    ],
    status: 1,
    conditions: ['Ready False SecretWrongType', 'CredentialResolved False SecretWrongType', NO_SCANS],
  },
  {
    name: 'a Secret that the controller created',
    items: [pullSecret('pull', { 'reg.example': { auth: btoa('a:b') } }, discovered), binding('app', {})],
    status: 1,
    conditions: ['Ready False SecretWrongType', 'CredentialResolved False SecretWrongType', NO_SCANS],
  },
  {
    name: 'a credential that is not verified without a registry',
    items: [fitting('pull'), binding('app', {}), scheduledScan('scan', [IMAGE])],
    status: 0,
    conditions: [
      'Ready True Ready',
      'CredentialResolved True Selected',
      'CredentialVerified Unknown Verifying',
      'ScansBound True Bound',
    ],
    says: [/CredentialVerified +Unknown +Verifying\n {6}not verified: explain contacts no registry\n/],
  },
  {
    name: 'a credential that must be verified first',
    items: [fitting('pull'), binding('app', { verification: 'Required' }), scheduledScan('scan', [IMAGE])],
    status: 0,
    conditions: [
      'Ready False Verifying',
      'CredentialResolved True Found',
      'CredentialVerified Unknown Verifying',
      'ScansBound False Waiting',
      'Reconciling True Verifying',
    ],
  },
  {
    name: 'a binding that disables verification',
    items: [fitting('pull'), binding('app', { verification: 'Never' })],
    status: 0,
    conditions: ['Ready True Ready', 'CredentialResolved True Selected', DISABLED, NO_SCANS],
  },
  {
    name: 'a credential that has expired',
    items: [pullSecret('pull', { 'reg.example': { auth: EXPIRED } }), binding('app', {})],
    status: 1,
    conditions: [
      'Ready False Expired',
      'CredentialResolved True Found',
      'CredentialVerified False Expired',
      NO_SCANS,
    ],
    says: [/the credential for "reg\.example" expired at 2001-09-09T01:46:40Z; renew the Secret/],
  },
  {
    name: 'an expired credential that is used without verification, although another one fits',
    items: [
      pullSecret('pull', {
        'reg.example': { auth: btoa('user:pass') },
        'reg.example/app': { auth: EXPIRED },
      }),
      binding('app', { verification: 'Never' }),
    ],
    status: 1,
    conditions: [
      'Ready False Expired',
      'CredentialResolved True Selected',
      'CredentialVerified False Expired',
      NO_SCANS,
    ],
    says: [/result +no credential can be used: Expired/],
  },
  {
    name: 'a login that a cloud would have to issue',
    items: [
      opaque(
        'pull',
        { ...AWS_KEYS, AWS_REGION: 'eu-west-1' },
        {},
        { annotations: { [REGISTRIES]: 'reg.example' } },
      ),
      binding('app', { verification: 'Never' }),
    ],
    status: 0,
    conditions: [
      'Ready False Exchanging',
      'CredentialResolved True Selected',
      DISABLED,
      'ScansBound False Exchanging',
      'Reconciling True Exchanging',
    ],
    says: [
      /entry reg\.example {2}AWS keys\n/,
      /ScansBound +False +Exchanging\n {6}not known: explain requests no login/,
    ],
  },
  {
    name: 'a ScheduledScan whose volume is in the way',
    items: [
      fitting('pull'),
      binding('app', { verification: 'Never' }),
      {
        ...scheduledScan('scan', [IMAGE]),
        spec: {
          interval: '24h',
          scanSpec: {
            scanType: 'trivy-image',
            parameters: [IMAGE],
            volumes: [{ name: 'image-credential-binding', emptyDir: {} }],
          },
        },
      },
    ],
    status: 0,
    conditions: [
      'Ready False VolumeNameTaken',
      'CredentialResolved True Selected',
      DISABLED,
      'ScansBound False VolumeNameTaken',
    ],
  },
  {
    name: 'bindings whose replaces form a cycle',
    items: [
      fitting('pull'),
      binding('app', { verification: 'Never', replaces: ['reg.example/old'] }),
      binding('old', { verification: 'Never', image: 'reg.example/old', replaces: ['reg.example/app'] }),
    ],
    status: 1,
    conditions: [
      'Ready False ReplacesCycle',
      'CredentialResolved True Selected',
      DISABLED,
      NO_SCANS,
      'Stalled True ReplacesCycle',
    ],
  },
  {
    name: 'a binding that names no Secret',
    items: [binding('app', { imagePullSecrets: [], verification: 'Never' })],
    status: 0,
    conditions: ['Ready True Ready', 'CredentialResolved True NoneNeeded', DISABLED, NO_SCANS],
    says: [/none needed: the binding names no Secret/],
  },
  {
    name: 'a credential for the repository that scans are migrated to',
    items: [
      fitting('pull', 'new.example'),
      binding('app', { image: 'new.example/app', replaces: ['reg.example/app'], verification: 'Never' }),
      scheduledScan('scan', [IMAGE]),
    ],
    status: 0,
    conditions: ['Ready True Ready', 'CredentialResolved True Selected', DISABLED, 'ScansBound True Bound'],
    says: [/migrates to {2}new\.example\/app:1\n/, /1\. {2}Secret pull {2}entry new\.example/],
  },
];

describe('explain, as the controller would decide', () => {
  for (const { name, items, image, status, conditions, says = [] } of CASES) {
    it(`explains ${name}`, () => {
      const found = run(items, image);
      assert.deepEqual(found.conditions, conditions, found.stdout + found.stderr);
      assert.equal(found.status, status);
      for (const pattern of says) assert.match(found.stdout + found.stderr, pattern);
    });
  }
});

describe('explain, if several bindings match', () => {
  const older = { creationTimestamp: '2026-01-01T00:00:00Z' };
  const newer = { creationTimestamp: '2026-01-02T00:00:00Z' };
  const cases: readonly {
    readonly name: string;
    readonly first: object;
    readonly other: object;
    readonly reason: string;
  }[] = [
    {
      name: 'the name, if both match equally',
      first: binding('a', {}),
      other: binding('b', {}),
      reason:
        'a takes precedence, because both match equally, and its name comes first (in a cluster, the older one takes precedence)',
    },
    {
      name: 'the age',
      first: binding('z', {}, older),
      other: binding('b', {}, newer),
      reason: 'z takes precedence, because it is older',
    },
    {
      name: 'the tag',
      first: binding('z', { image: IMAGE }, newer),
      other: binding('b', {}, older),
      reason: 'z takes precedence, because it matches by tag, and b by repository',
    },
    {
      name: 'a previous repository',
      first: binding('z', {}),
      other: binding('b', { image: 'reg.example/new', replaces: ['reg.example/app'] }),
      reason: 'z takes precedence, because it matches by repository, and b by spec.replaces',
    },
    {
      name: 'discovery',
      first: binding('z', {}),
      other: binding('b', { image: IMAGE }, discovered),
      reason: 'z takes precedence, because a user created it, and b is discovered',
    },
    {
      name: 'the mode',
      first: binding('z', {}, discovered),
      other: binding('b', { mode: 'Observe' }),
      reason: 'z takes precedence, because the mode of b is Observe',
    },
    {
      name: 'the name, for a selector',
      first: binding('a', { scanSelector: { matchLabels: { team: 'a' } } }),
      other: binding('b', {}),
      reason:
        'a takes precedence for the ScheduledScans that both select, because both match equally, and its name comes first (in a cluster, the older one takes precedence)',
    },
  ];
  for (const { name, first, other, reason } of cases) {
    it(`names the binding that does not take precedence, and why: ${name}`, () => {
      const { stdout, explanation } = run([fitting('pull'), other, first]);
      const [otherBinding] = explanation.otherBindings;
      assert.deepEqual([explanation.otherBindings.length, otherBinding.reason], [1, reason]);
      assert.notEqual(otherBinding.name, explanation.binding);
      assert.match(stdout, new RegExp(`other bindings that match\\n {4}b {2}${RegExp.escape(reason)}\\n`));
    });
  }

  it('names a binding that only observes, and uses its Secrets', () => {
    const { status, stdout, stderr, explanation, conditions } = run([
      ...[fitting('pull'), fitting('other')],
      binding('watch', { mode: 'Observe', verification: 'Never' }),
      scheduledScan('scan', [IMAGE]),
    ]);
    assert.equal(status, 0);
    assert.deepEqual(
      [explanation.binding, explanation.mode, explanation.candidates.length],
      ['watch', 'Observe', 1],
    );
    assert.match(stdout, /binding {5}watch \(only observes\)\n/);
    assert.match(stdout, /Trivy would get, in mode Enforce\n/);
    assert.match(
      stderr,
      /the binding "watch" matches, but its mode is Observe; set its spec\.mode to Enforce/,
    );
    assert.deepEqual(conditions, [
      'Ready True Ready',
      'CredentialResolved True Selected',
      DISABLED,
      'ScansBound Unknown Observing',
    ]);
  });
});

describe('the credentials that explain shows', () => {
  const annotations = { annotations: { [REGISTRIES]: 'reg.example' } };
  const login = (fields: object) => pullSecret('pull', { 'reg.example': fields });
  const basicAuth = (username: string) =>
    opaque('pull', { username, password: PASSWORD }, { type: 'kubernetes.io/basic-auth' }, annotations);
  const cases: readonly {
    readonly what: string;
    readonly secret: object;
    readonly says: string;
    readonly credential: string;
    readonly username: string | null;
    /** With `--show-usernames`. */
    readonly shown: string;
  }[] = [
    {
      what: 'a user name that may be a token',
      secret: login({ username: 'dop_v1_canary', password: PASSWORD }),
      says: 'user name hidden',
      credential: 'user name and password',
      username: null,
      shown: 'user dop_v1_canary',
    },
    ...[
      ...[
        'AWS',
        '_json_key',
        '_json_key_base64',
        'oauth2accesstoken',
        '$oauthtoken',
        'iamapikey',
        'iambearer',
      ],
      ...[
        '00000000-0000-0000-0000-000000000000',
        'gitlab-ci-token',
        'nologin',
        '$token',
        'json_key',
        'iam',
        'oauth',
      ],
    ].map((username) => ({
      what: `the well-known user name ${username}`,
      secret: login({ username, password: PASSWORD }),
      says: `user ${username}`,
      credential: 'user name and password',
      username,
      shown: `user ${username}`,
    })),
    {
      what: 'a basic-auth Secret',
      secret: basicAuth('AWS'),
      says: 'user name and password, user AWS',
      credential: 'user name and password',
      username: 'AWS',
      shown: 'user name and password, user AWS',
    },
    {
      what: 'a basic-auth Secret with another user name',
      secret: basicAuth('dop_v1_canary'),
      says: 'user name and password',
      credential: 'user name and password',
      username: null,
      shown: 'user name and password, user dop_v1_canary',
    },
    {
      what: 'an Azure service principal',
      secret: opaque(
        'pull',
        { AZURE_CLIENT_ID: '00000000-1111-2222-3333-555555555555', AZURE_CLIENT_SECRET: PASSWORD },
        {},
        annotations,
      ),
      says: 'Azure service principal',
      credential: 'Azure service principal',
      username: null,
      shown: 'Azure service principal, user 00000000-1111-2222-3333-555555555555',
    },
    {
      what: 'AWS keys',
      secret: opaque('pull', AWS_KEYS, {}, annotations),
      says: 'AWS keys',
      credential: 'AWS keys',
      username: null,
      shown: 'AWS keys',
    },
    {
      what: 'an identity token',
      secret: login({ auth: btoa('00000000-0000-0000-0000-000000000000:'), identitytoken: PASSWORD }),
      says: 'identity token, user 00000000-0000-0000-0000-000000000000',
      credential: 'identity token',
      username: '00000000-0000-0000-0000-000000000000',
      shown: 'identity token, user 00000000-0000-0000-0000-000000000000',
    },
    {
      what: 'a registry token',
      secret: login({ registrytoken: PASSWORD }),
      says: 'registry token',
      credential: 'registry token',
      username: null,
      shown: 'registry token',
    },
  ];
  for (const { what, secret, says, credential, username, shown } of cases) {
    it(`describes ${what}`, () => {
      const { stdout, explanation } = run([secret, binding('app', {})]);
      assert.match(stdout, new RegExp(`entry reg\\.example {2}${RegExp.escape(says)}\\n`));
      const [candidate] = explanation.candidates;
      assert.deepEqual([candidate.credential, candidate.username], [credential, username]);
      const all = run([secret, binding('app', {})], IMAGE, '--show-usernames');
      assert.match(all.stdout, new RegExp(`entry reg\\.example {2}${RegExp.escape(shown)}\\n`));
    });
  }
});

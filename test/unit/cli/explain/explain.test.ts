import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { ROOT } from '../../../../hack/root.ts';
import { builtProgram } from '../../../../hack/testenv/program.ts';
import { binding, Files, pullSecret, runExplain, scheduledScan } from '../../../support/explain.ts';

const PASSWORD = 'Canary-7Hq2';
const entry = (username: string) => ({ username, password: PASSWORD });

interface Explanation {
  readonly image: string;
  readonly repository: string;
  readonly platform: string;
  readonly candidates: readonly { secret: string; registryKey: string; username: string | null }[];
  readonly binding: string | null;
  readonly mode: string | null;
  readonly otherBindings: readonly { name: string; reason: string }[];
  readonly conditions: readonly { type: string; status: string; reason: string; message: string }[];
  readonly delivery: {
    readonly env: readonly { name: string; value: string }[];
    readonly files: readonly string[];
    readonly pullSecret: string | null;
    readonly temporary: boolean;
  };
}

/** Runs `explain -o json --show-usernames`. Returns its exit code, its standard error, and the parsed output. */
function explained(args: readonly string[], input = '') {
  const { status, stdout, stderr } = runExplain([...args, '-o', 'json', '--show-usernames'], input);
  assert.doesNotMatch(stdout + stderr, canary, 'a password was printed');
  const list = JSON.parse(stdout) as readonly Explanation[];
  return {
    status,
    stderr,
    list,
    usernames: list.map((explanation) => explanation.candidates.map(({ username }) => username)),
  };
}

/** The base64 groups that encode only the password, for each offset at which the password can start in a text. */
const encoded = [0, 1, 2].map((before) =>
  btoa(' '.repeat(before) + PASSWORD).slice(before === 0 ? 0 : 4, -4),
);
const canary = new RegExp([PASSWORD, ...encoded].map(RegExp.escape).join('|'));

describe('explain from files', () => {
  it("lists the credentials that fit, in the kubelet's order, and what Trivy would get", () => {
    using files = new Files();
    const args = files.write(
      's.json',
      [
        pullSecret('one', { 'reg.example': entry('a'), '*.example': entry('b') }),
        pullSecret('two', { 'reg.example/team': entry('c'), 'https://other.example': entry('d') }),
      ]
        .map((secret) => JSON.stringify(secret))
        .join('\n---\n'),
    );
    const { status, list, stderr } = explained(['reg.example/team/app:1', ...args]);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    const login = { credential: 'user name and password' };
    assert.deepEqual(list, [
      {
        image: 'reg.example/team/app:1',
        repository: 'reg.example/team/app',
        platform: 'Generic',
        candidates: [
          { ...login, secret: 'two', registryKey: 'reg.example/team', username: 'c' },
          { ...login, secret: 'one', registryKey: 'reg.example', username: 'a' },
          { ...login, secret: 'one', registryKey: '*.example', username: 'b' },
        ],
        nearMisses: [],
        binding: null,
        mode: null,
        otherBindings: [],
        conditions: [],
        delivery: {
          env: [
            { name: 'DOCKER_CONFIG', value: '/var/run/secrets/image-credential-binding' },
            { name: 'DOCKER_AUTH_CONFIG', value: '' },
            { name: 'TRIVY_USERNAME', value: '' },
            { name: 'TRIVY_PASSWORD', value: '' },
            { name: 'TRIVY_REGISTRY_TOKEN', value: '' },
          ],
          files: ['/var/run/secrets/image-credential-binding/config.json'],
          pullSecret: null,
          temporary: false,
        },
        scheduledScans: [],
      },
    ]);
  });

  it('explains several images, and exits with 1 if no credential fits one of them', () => {
    using files = new Files();
    const args = files.write('s.json', pullSecret('pull', { 'docker.io': entry('hub') }));
    const { status, list } = explained(['nginx', 'reg.example/app', ...args]);
    assert.equal(status, 1);
    assert.deepEqual(
      list.map(({ image, repository, candidates }) => [image, repository, candidates.length]),
      [
        ['nginx', 'docker.io/library/nginx', 1],
        ['reg.example/app', 'reg.example/app', 0],
      ],
    );
    assert.deepEqual(list[1]?.delivery, { env: [], files: [], pullSecret: null, temporary: false });
  });

  it('shows which pull secret scans mount themselves, with the delivery of the controller', () => {
    using files = new Files();
    const args = [
      ...files.write('a.json', pullSecret('pull', { 'reg.example': entry('user') })),
      ...files.write('b.json', binding('app', {})),
    ];
    const mounted = (...more: readonly string[]) =>
      explained(['reg.example/app', ...args, ...more]).list[0]?.delivery.pullSecret;
    assert.deepEqual([mounted(), mounted('--delivery', 'Direct')], [null, 'pull']);
    const temporary = explained(['reg.example/app', ...args, '--delivery', 'Temporary']).list[0]?.delivery;
    assert.deepEqual([temporary?.temporary, temporary?.pullSecret], [true, null]);
    const { stdout } = runExplain(['reg.example/app', ...args, '--delivery=Direct']);
    assert.match(stdout, /Secret pull itself, with all its logins/);
    const wildcard = files.write('a.json', pullSecret('pull', { '*.example': entry('user') }));
    const [misread] = explained(['reg.example/app', ...args, ...wildcard, '--delivery=Direct']).list;
    assert.deepEqual(misread?.delivery, { env: [], files: [], pullSecret: null, temporary: false });
    assert.ok(misread?.conditions.some(({ reason }) => reason === 'NotDirect'));
  });

  it('says that the delivery Temporary needs the webhook, unless the controller has that delivery by default', () => {
    using files = new Files();
    const args = [
      ...files.write('a.json', pullSecret('pull', { 'reg.example': entry('user') })),
      ...files.write('b.json', binding('app', { delivery: 'Temporary' })),
    ];
    const { status, stderr } = runExplain(['reg.example/app', ...args]);
    assert.equal(status, 0);
    assert.match(stderr, /"app" needs the admission webhook .* stalled with the reason AdmissionOff$/m);
    const known = runExplain(['reg.example/app', ...args, '--delivery', 'Temporary']);
    assert.doesNotMatch(known.stderr, /AdmissionOff/);
  });

  it("shows which binding matches the image, by the controller's rules", () => {
    using files = new Files();
    const bindings = [
      binding('by-tag', { image: 'reg.example/app:1' }),
      binding('whole', {}),
      binding('other', { image: 'reg.example/other' }),
      binding(
        'discovered',
        { image: 'reg.example/app:1' },
        {
          labels: { 'app.kubernetes.io/managed-by': 'image-credential-binding' },
        },
      ),
      binding('watches', { image: 'reg.example/app:2', mode: 'Observe' }),
    ];
    const args = files.write('b.json', { apiVersion: 'v1', kind: 'List', items: bindings });
    const { list } = explained(['reg.example/app:1', 'reg.example/app:2', 'reg.example/none', ...args]);
    assert.deepEqual(
      list.map((explanation) => explanation.binding),
      ['by-tag', 'whole', null],
    );
  });

  it('shows the image to which scans of a previous repository are migrated', () => {
    using files = new Files();
    const args = files.write(
      'b.json',
      binding('migrated', { image: 'new.example/app', replaces: ['reg.example/app'] }),
    );
    assert.equal(explained(['reg.example/app:1', ...args]).list[0]?.binding, 'migrated');
    const { stdout } = runExplain(['reg.example/app:1', ...args]);
    assert.match(stdout, / {2}binding {6}migrated\n {2}migrates to {2}new\.example\/app:1\n/);
    assert.doesNotMatch(runExplain(['new.example/app:1', ...args]).stdout, /migrates to/);
  });

  it('takes the delivery of the spec, or else of the flag, or else of the status', () => {
    using files = new Files();
    const mounted = (spec: object, status: object, ...flags: readonly string[]) => {
      const items = [
        pullSecret('pull', { 'reg.example': entry('u') }),
        { ...binding('app', { verification: 'Never', ...spec }), status },
      ];
      const args = files.write('l.json', { apiVersion: 'v1', kind: 'List', items });
      return explained(['reg.example/app', ...args, ...flags]).list[0]?.delivery.pullSecret;
    };
    assert.equal(mounted({}, {}), null);
    assert.equal(mounted({}, {}, '--delivery', 'Direct'), 'pull');
    assert.equal(mounted({}, { delivery: 'Direct' }), 'pull');
    assert.equal(mounted({}, { delivery: 'Shared' }, '--delivery', 'Direct'), 'pull');
    assert.equal(mounted({}, { delivery: 'Direct' }, '--delivery', 'Shared'), null);
    assert.equal(mounted({ delivery: 'Shared' }, { delivery: 'Direct' }), null);
  });

  describe('with a binding whose spec.replaces is part of a cycle', () => {
    it('matches no binding to an image that one of them would migrate', () => {
      using files = new Files();
      const items = [
        pullSecret('pull', { 'new.example': entry('u') }),
        binding('one', { image: 'new.example/one', replaces: ['old.example/app', 'new.example/two'] }),
        binding('two', { image: 'new.example/two', replaces: ['new.example/one'] }),
        scheduledScan('scan', ['old.example/app:1']),
      ];
      const args = files.write('l.json', { apiVersion: 'v1', kind: 'List', items });
      const { stdout, stderr, status } = runExplain(['old.example/app:1', ...args]);
      assert.equal(status, 1);
      assert.match(stdout, / {4}scan {2}no binding matches it\n/);
      assert.doesNotMatch(stdout, /migrates to/);
      assert.match(
        stdout + stderr,
        /the binding "one" has this image in spec\.replaces, but migrates no scans; to see why, explain its image, new\.example\/one\n/,
      );
    });

    it('matches that binding nevertheless if all bindings in the cycle only observe, as in the controller', () => {
      using files = new Files();
      const matched = (mode: string) => {
        const replaces = (image: string, previous: string) => ({ image, replaces: [previous] });
        const items = [
          pullSecret('pull', { 'new.example': entry('u') }),
          binding('one', { ...replaces('new.example/one', 'new.example/two'), mode: 'Observe' }),
          binding('two', { ...replaces('new.example/two', 'new.example/one'), mode }),
        ];
        const args = files.write('l.json', { apiVersion: 'v1', kind: 'List', items });
        const [explanation] = explained(['new.example/two', ...args]).list;
        return [explanation?.binding, explanation?.otherBindings.map(({ name }) => name)];
      };
      assert.deepEqual(matched('Observe'), ['two', ['one']]);
      assert.deepEqual(matched('Enforce'), ['two', []]);
    });
  });

  it('exits with 0 if the binding names no Secret', () => {
    using files = new Files();
    const args = files.write('b.json', binding('public', { imagePullSecrets: [] }));
    const { status, list } = explained(['reg.example/app', ...args]);
    assert.deepEqual([status, list[0]?.binding, list[0]?.candidates], [0, 'public', []]);
    assert.match(runExplain(['reg.example/app', ...args]).stdout, /none needed: the binding names no Secret/);
  });

  it('lists the 32 entries that the controller tries, and reports how many more fit', () => {
    using files = new Files();
    const auths = Array.from({ length: 40 }, (_, index) => [
      `reg.example${index < 20 ? '' : ':'}/${'a'.repeat(index % 20)}`,
      { auth: btoa('user:pass') },
    ]);
    const args = files.write('s.json', pullSecret('pull', Object.fromEntries(auths)));
    const image = `reg.example/${'a'.repeat(20)}`;
    assert.equal(explained([image, ...args]).list[0]?.candidates.length, 32);
    const { stderr } = runExplain([image, ...args]);
    assert.match(
      stderr,
      /expected at most 32 entries that fit the image, found 40: the last 8 are not tried; rem/,
    );
  });

  it('uses only the Secrets of the binding, and all Secrets if no binding matches', () => {
    using files = new Files();
    const args = [
      ...files.write('a.json', pullSecret('first', { 'reg.example': entry('first') })),
      ...files.write('b.json', pullSecret('pull', { 'reg.example': entry('named') })),
    ];
    assert.deepEqual(explained(['reg.example/app', ...args]).usernames, [['first', 'named']]);
    const bound = files.write('c.json', binding('app', {}));
    assert.deepEqual(explained(['reg.example/app', ...args, ...bound]).usernames, [['named']]);
    const text = (...more: readonly string[]) => runExplain(['reg.example/app', ...args, ...more]).stdout;
    assert.match(text(), /binding {5}none matches this image, so all Secrets in the files are used\n/);
    assert.match(text(...bound), /binding {5}app\n/);
  });

  it('reads standard input, lists of one kind, stringData, dockercfg, and Secrets with only a token', () => {
    const dockercfg = { 'reg.example': { registrytoken: PASSWORD } };
    const list = {
      apiVersion: 'v1',
      kind: 'SecretList',
      items: [
        {
          metadata: { name: 'old' },
          type: 'kubernetes.io/dockercfg',
          data: { '.dockercfg': 'AAAA', other: null },
          stringData: { '.dockercfg': JSON.stringify(dockercfg) },
        },
      ],
    };
    const { status, usernames } = explained(['reg.example/app', '-f', '-'], JSON.stringify(list));
    assert.deepEqual([status, usernames], [0, [[null]]]);
    assert.match(
      runExplain(['reg.example/app', '-f', '-'], JSON.stringify(list)).stdout,
      /entry reg.example {2}registry token/,
    );
  });

  it('uses the later of two objects of the same name, as kubectl apply does', () => {
    using files = new Files();
    const args = [
      ...files.write('a.json', pullSecret('pull', { 'reg.example': entry('old') })),
      ...files.write('b.json', pullSecret('pull', { 'reg.example': entry('new') })),
    ];
    assert.deepEqual(explained(['reg.example/app', ...args]).usernames, [['new']]);
  });

  it('uses the objects of one namespace, and objects that name no namespace', () => {
    using files = new Files();
    const args = [
      ...files.write('a.json', pullSecret('a', { 'reg.example': entry('a') }, { namespace: 'a' })),
      ...files.write('b.json', pullSecret('b', { 'reg.example': entry('b') }, { namespace: 'b' })),
      ...files.write('c.json', pullSecret('c', { 'reg.example': entry('c') })),
    ];
    assert.deepEqual(explained(['reg.example/app', '-n', 'b', ...args]).usernames, [['b', 'c']]);
    const { status, stdout, stderr } = runExplain(['reg.example/app', ...args]);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /expected objects of one namespace, found "a", "b"; choose one with --namespace/);
  });

  it('reports invalid objects and objects of other kinds, and continues with the others', () => {
    using files = new Files();
    const good = pullSecret('good', { 'reg.example': entry('good'), 'reg.example/x': { auth: PASSWORD } });
    const bad = { ...pullSecret('bad', {}), data: { '.dockerconfigjson': btoa(PASSWORD) } };
    const numbers = { ...pullSecret('numbers', {}), data: { '.dockerconfigjson': 1 } };
    const others = [
      { ...pullSecret('opaque', {}), type: 'Opaque' },
      binding('misspelt', { imagePullSecret: [] }),
      binding('noimage', { image: 'NOT AN IMAGE' }),
      scheduledScan('scan', [1 as unknown as string]),
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } },
    ];
    const args = files.write('all.json', {
      apiVersion: 'v1',
      kind: 'List',
      items: [good, bad, numbers, ...others],
    });
    const { status, usernames, stderr } = explained(['reg.example/app', ...args]);
    assert.deepEqual([status, usernames], [1, [['good']]]);
    for (const line of [
      /Secret "good": .*"reg\.example\/x"/,
      /Secret "bad": expected JSON/,
      /all\.json, item 3: .* refuse the Secret "numbers": expected strings under "data", found a number/,
      /Secret "opaque": expected the key \.dockerconfigjson in a Secret of type kubernetes\.io\/dockerconfigjson.*in a Secret of type "Opaque"/,
      /^error: .*item 5: .*"misspelt": .*spec has no field "imagePullSecret"; expected only/m,
      /^error: .*item 6: .*"noimage": spec\.image is invalid/m,
      /item 7: expected spec\.scanSpec with a scanType and a list of strings as parameters/,
      /skipped objects of other kinds: "Deployment"/,
    ]) {
      assert.match(stderr, line);
    }
  });

  it('reads credential Secrets, and reports the annotation that other Secrets are missing', () => {
    using files = new Files();
    const keys = {
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'canary/0123456789abcdef',
    };
    const host = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
    const annotations = { 'credentials.securecodebox.io/registries': host };
    const secret = (metadata: object) => ({
      ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque', stringData: keys, metadata },
    });
    const args = [
      ...files.write('a.json', secret({ name: 'keys', annotations })),
      ...files.write('b.json', secret({ name: 'not-annotated' })),
    ];
    const { status, stdout, stderr } = runExplain([`${host}/app`, '-o', 'json', ...args]);
    assert.equal(status, 0, stderr);
    const [explanation] = JSON.parse(stdout);
    assert.deepEqual(explanation.candidates, [
      { secret: 'keys', registryKey: host, credential: 'AWS keys', username: null },
    ]);
    assert.deepEqual(explanation.delivery.files, [
      '/var/run/secrets/image-credential-binding/aws-credentials',
    ]);
    assert.match(
      stderr,
      /Secret "not-annotated": expected the annotation credentials\.securecodebox\.io\/registries/,
    );
    assert.doesNotMatch(`${stdout}${stderr}`, /canary/);
  });

  it('reports a Secret of the binding that does not exist', () => {
    using files = new Files();
    const { status, stderr } = explained(['reg.example/app', ...files.write('b.json', binding('app', {}))]);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /the binding "app" names the Secret "pull": .* found none; create it, or correct the name/,
    );
  });

  const wrong: readonly {
    readonly name: string;
    readonly args: readonly string[];
    readonly text?: string;
    readonly says: RegExp;
  }[] = [
    { name: 'no image', args: [], says: /missing required argument 'image'/ },
    {
      name: 'an invalid image',
      args: ['NGINX'],
      text: '',
      says: /^error: Not an image reference: .*Write it in lower case/,
    },
    { name: 'another format', args: ['nginx', '-o', 'yaml'], says: /Allowed choices are text, json/ },
    {
      name: 'a file that does not exist',
      args: ['nginx', '-f', '/nowhere/x.yaml'],
      says: /"\/nowhere\/x\.yaml": expected a file that can be read, found none/,
    },
    {
      name: 'a folder without manifests',
      args: ['nginx', '-f', 'src/text'],
      says: /^error: "src\/text": expected a folder with \.yaml, \.yml or \.json files, found none; .*--recursive/,
    },
    {
      name: 'a file that is not YAML',
      args: ['nginx'],
      text: `a: b\n---\nauth: x: ${PASSWORD}`,
      says: /line 3, column \d+: expected YAML or JSON, found bad indentation/,
    },
    {
      name: 'a page of prose',
      args: ['nginx'],
      text: '# Title\n\n| a | b |\n',
      says: /expected YAML or JSON, found something else \(a line break is expected\); correct it/,
    },
    {
      name: 'a duplicate key',
      args: ['nginx'],
      text: `${PASSWORD}: 1\n${PASSWORD}: 2`,
      says: /line 2, column 1: .*duplicated mapping key/,
    },
    {
      name: 'an unknown anchor',
      args: ['nginx'],
      text: `a: *${PASSWORD}`,
      says: /line 1.*expected YAML or JSON, found something else/,
    },
    {
      name: 'a text',
      args: ['nginx'],
      text: PASSWORD,
      says: /expected a Kubernetes object with apiVersion and kind, found a string/,
    },
    {
      name: 'a Docker configuration',
      args: ['nginx'],
      text: '{"auths": {}}',
      says: /expected a Kubernetes object with apiVersion and kind, found an object without them/,
    },
    {
      name: 'an object without a name',
      args: ['nginx'],
      text: '{"apiVersion": "v1", "kind": "Secret", "metadata": {}}',
      says: /f: expected metadata with a name/,
    },
    { name: 'no cluster', args: ['nginx'], says: /^error: found no cluster: expected KUBECONFIG/ },
  ];
  for (const { name, args, text, says } of wrong) {
    it(`exits with 2 and says what was expected: ${name}`, () => {
      using files = new Files();
      const { status, stdout, stderr } = runExplain([
        ...args,
        ...(text === undefined ? [] : files.write('f', text)),
      ]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, canary);
    });
  }
});

describe('the text of explain', () => {
  const args = ['-f', 'docs/examples/pull-secret.yaml', '-f', 'docs/examples/scheduled-scan.yaml'];

  it('shows the effective binding of each scan of the image, and whether the scan is bound', () => {
    using files = new Files();
    const bound = { annotations: { 'credentials.securecodebox.io/binding': 'app' } };
    const gone = { annotations: { 'credentials.securecodebox.io/binding': 'gone' } };
    const list = [
      binding('app', { scanSelector: { matchLabels: { team: 'a' } } }),
      scheduledScan('done', ['reg.example/app:1'], { labels: { team: 'a' }, ...bound }),
      scheduledScan('new', ['reg.example/app'], { labels: { team: 'a' } }),
      scheduledScan('unfit', ['reg.example/app']),
      scheduledScan('left', ['reg.example/app'], gone),
      scheduledScan('elsewhere', ['reg.example/other']),
    ];
    const { stdout } = runExplain([
      'reg.example/app',
      ...files.write('l.json', { apiVersion: 'v1', kind: 'List', items: list }),
    ]);
    assert.match(
      stdout,
      / {2}ScheduledScans\n {4}done {3}bound to app\n {4}new {4}not yet bound to app\n {4}unfit {2}no binding matches it: its labels do not match spec\.scanSelector of the binding "app"\n {4}left {3}to be unbound from gone\n$/,
    );
  });

  it('uses color on a terminal, but not with NO_COLOR, nor in a pipe', async () => {
    const command = [
      process.execPath,
      await builtProgram(),
      'explain',
      'registry.example.org/shop/payments',
      ...args,
    ];
    const onTerminal = (env: Readonly<Record<string, string>>) => {
      const script = 'import os,pty,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
      const { status, stdout } = spawnSync('python3', ['-c', script, ...command], {
        encoding: 'utf8',
        cwd: ROOT,
        env: { PATH: process.env['PATH'], TERM: 'xterm-256color', ...env },
      });
      assert.equal(status, 0, stdout);
      return stdout;
    };
    const colour = /\p{Cc}\[/u;
    assert.match(onTerminal({}), colour);
    assert.doesNotMatch(onTerminal({ NO_COLOR: '1' }), colour);
    assert.doesNotMatch(onTerminal({ NO_COLOR: '1', FORCE_COLOR: '1' }), colour);
    assert.doesNotMatch(runExplain([...command.slice(3)]).stdout, colour);
  });

  it('escapes control characters, so that objects cannot control the terminal', () => {
    using files = new Files();
    const evil = '\u001b[2J\u009b2J\u202e\u007f';
    const file = files.write(
      's.json',
      pullSecret('pull', { [`reg.example/a${evil}`]: {}, 'reg.example': entry(evil) }),
    );
    for (const format of ['text', 'json']) {
      const { stdout, stderr } = runExplain(['reg.example/app', '-o', format, '--show-usernames', ...file]);
      assert.match(stdout, /\\u001b\[2J\\u009b2J\\u202e\\u007f/);
      assert.doesNotMatch((stdout + stderr).replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
    }
  });

  const evil = '\u001b[31m\u001b]0;title\u0007';
  const fitting = pullSecret('pull', { 'reg.example': entry('user') });
  for (const { what, items } of [
    { what: 'Secret', items: [pullSecret(evil, { 'reg.example': entry('user') })] },
    { what: 'binding', items: [fitting, binding(evil, {})] },
    { what: 'ScheduledScan', items: [fitting, scheduledScan(evil, ['reg.example/app'])] },
    {
      what: 'binding that a scan carries',
      items: [
        fitting,
        scheduledScan('scan', ['reg.example/app'], {
          annotations: { 'credentials.securecodebox.io/binding': evil },
        }),
      ],
    },
  ]) {
    it(`escapes control characters in the name of a ${what}`, () => {
      using files = new Files();
      const file = files.write('l.json', { apiVersion: 'v1', kind: 'List', items });
      const { stdout, stderr } = runExplain(['reg.example/app', ...file]);
      assert.match(stdout + stderr, /\\u001b\[31m\\u001b\]0;title\\u0007/);
      assert.doesNotMatch((stdout + stderr).replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
    });
  }
});

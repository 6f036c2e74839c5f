/** The order and the length of the text that `explain` prints. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { binding, Files, pullSecret, runExplain, scheduledScan } from '../../../support/explain.ts';

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const entry = { auth: btoa('user:pass') };

/** The output for `reg.example/app:1`, or for another image. */
function outputFor(items: readonly object[], image = 'reg.example/app:1') {
  using files = new Files();
  return runExplain([image, ...files.write('l.json', { apiVersion: 'v1', kind: 'List', items })]);
}

describe('the text of explain', () => {
  const results: readonly (readonly [result: string, items: readonly object[]])[] = [
    ['a credential fits: Secret pull, entry reg.example', [pullSecret('pull', { 'reg.example': entry })]],
    ['no credential fits', [pullSecret('pull', { 'other.example': entry })]],
    [
      'no credential fits: see the last lines',
      [pullSecret('pull', { 'reg.example': { auth: btoa('user:') } })],
    ],
    ['no credential is needed', [binding('app', { imagePullSecrets: [] })]],
    ['no credential can be used: SecretNotFound', [binding('app', {})]],
    [
      'a credential fits: Secret pull, entry reg.example',
      [pullSecret('pull', { 'reg.example': entry }), binding('app', {})],
    ],
    [
      'no credential can be used: ReplacesCycle',
      [
        pullSecret('pull', { 'reg.example': entry }),
        binding('app', { image: 'reg.example/app', replaces: ['reg.example/two'] }),
        binding('two', { image: 'reg.example/two', replaces: ['reg.example/app'] }),
      ],
    ],
  ];
  for (const [result, items] of results)
    it(`begins with the result: ${result}, with ${items.length} objects`, () => {
      const { stdout } = outputFor(items);
      assert.equal(stdout.split('\n')[1], `  result      ${result}`, stdout);
    });

  it('ends with what Trivy gets, and lists the empty variables of a cloud on few lines', () => {
    const items = [
      pullSecret('pull', { [ECR]: entry }),
      binding('app', { image: `${ECR}/app` }),
      scheduledScan('scan', [`${ECR}/app:1`]),
    ];
    const { stdout } = outputFor(items, `${ECR}/app`);
    const lines = stdout.slice(stdout.indexOf('  ScheduledScans')).trimEnd().split('\n').slice(2);
    const [title, config, imds, file, empty, ...variables] = lines;
    assert.deepEqual(
      { title, config, imds, file, empty },
      {
        title: '  Trivy gets',
        config: '    DOCKER_CONFIG=/var/run/secrets/image-credential-binding',
        imds: '    AWS_EC2_METADATA_DISABLED=true',
        file: '    /var/run/secrets/image-credential-binding/config.json',
        empty: '    empty, so that Trivy uses no other credential:',
      },
    );
    const names = variables.flatMap((line) => line.trim().split(' '));
    assert.ok(names.length > 10 && names.every((name) => /^[A-Z_]+=$/.test(name)), stdout);
    assert.ok(variables.length < 7 && variables.every((line) => line.length <= 106), stdout);
  });

  it('shows a long message of two conditions once', () => {
    const { stdout } = outputFor([pullSecret('pull', { 'other.example': entry }), binding('app', {})]);
    assert.equal(stdout.match(/no credential for reg\.example\/app/g)?.length, 1, stdout);
    assert.match(stdout, /CredentialResolved +False +NoMatch\n {6}the same message as Ready\n/);
  });
});

describe('explain, for a binding whose Secrets do not fit', () => {
  const others = pullSecret('other', { 'quay.example': entry });
  const app = binding('app', { imagePullSecrets: [{ name: 'other' }] });
  const hint = (items: readonly object[]) => outputFor([others, app, ...items]).stderr;

  it('names a Secret that fits, and that the binding does not name', () => {
    assert.equal(
      hint([pullSecret('fits', { 'reg.example': entry }), pullSecret('third', { 'quay.example': entry })]),
      'the Secret "fits" fits the image, but the binding "app" does not name it; add it to its spec.imagePullSecrets\n',
    );
  });

  it('names at most three such Secrets, and none if there are none', () => {
    const fitting = ['a', 'b', 'c', 'd'].map((name) => pullSecret(name, { 'reg.example': entry }));
    assert.match(
      hint(fitting),
      /^the Secrets "a", "b", "c" fit the image, .* does not name them; add one of them/,
    );
    assert.equal(hint([]), '');
  });
});

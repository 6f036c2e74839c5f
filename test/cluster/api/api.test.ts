import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CRDS } from '../../../hack/root.ts';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { imageCredentialBindingDefaults, imageCredentialBindings } from '../../../src/api/index.ts';
import { badImages, goodImages } from '../../support/images.ts';

const namespace = 'default';
const minimal = { image: 'reg.io/payments', imagePullSecrets: [{ name: 'pull' }] };
const label63 = 'x'.repeat(63);

function manifest(spec: object, name = 'payments'): string {
  const { apiVersion, kind } = imageCredentialBindings;
  return JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, spec });
}

const selecting = (...matchExpressions: readonly object[]) => ({
  ...minimal,
  scanSelector: { matchExpressions },
});
const labelled = (matchLabels: object) => ({ ...minimal, scanSelector: { matchLabels } });
const secrets = (...names: readonly string[]) => ({
  ...minimal,
  imagePullSecrets: names.map((name) => ({ name })),
});
const replacing = (...replaces: readonly string[]) => ({ ...minimal, replaces });
const manySecrets = (count: number) =>
  secrets(...Array.from({ length: count }, (_, index) => `secret-${index}`));

const accepted: Readonly<Record<string, object>> = {
  'the fields that are required': minimal,
  'no secrets': secrets(),
  '16 secrets': manySecrets(16),
  'a secret name with dots': secrets('a.b-c.1'),
  'repositories that the image replaces': replacing('nginx', 'localhost/a', '[2001:db8::1]:5000/a/b__c'),
  'a repository below library that the image replaces': {
    ...minimal,
    image: 'a/b',
    replaces: ['library/a/b', 'docker.io/library/b'],
  },
  '16 long repositories that a long image replaces': {
    ...replacing(...Array.from({ length: 16 }, (_, index) => `reg-${index}.io/${'a'.repeat(255)}`)),
    image: `reg.io:5000/${'a'.repeat(255)}`,
  },
  'an empty selector': { ...minimal, scanSelector: {} },
  'label values that are empty or long': labelled({ a: '', b: label63 }),
  'label keys with a prefix': labelled({ [`example.org/${label63}`]: 'x' }),
  'every operator': selecting(
    { key: 'a', operator: 'In', values: ['x', ''] },
    { key: 'example.org/a', operator: 'NotIn', values: ['x'] },
    { key: 'b', operator: 'Exists' },
    { key: 'b', operator: 'DoesNotExist', values: [] },
  ),
};

/** What is wrong, with the spec and the API server's message. */
const refused: Readonly<Record<string, readonly [object, RegExp]>> = {
  'no image': [{ imagePullSecrets: [] }, /spec\.image: Required value/],
  'no list of secrets': [{ image: 'nginx' }, /spec\.imagePullSecrets: Required value/],
  'a secret twice': [
    secrets('a', 'b', 'a'),
    /spec\.imagePullSecrets: Invalid value: expected each Secret once/,
  ],
  'a secret without a name': [
    { ...minimal, imagePullSecrets: [{}] },
    /spec\.imagePullSecrets\[0\]\.name: Required value/,
  ],
  'an invalid secret name': [
    secrets('Pull_Secret'),
    /spec\.imagePullSecrets\[0\]\.name: Invalid value: "Pull_Secret": expected the name of a Secret/,
  ],
  'an empty secret name': [secrets(''), /spec\.imagePullSecrets\[0\]\.name: .*expected the name of a Secret/],
  '17 secrets': [manySecrets(17), /spec\.imagePullSecrets: Too many: 17: must have at most 16 items/],
  'an unsupported value of verification': [
    { ...minimal, verification: 'Always' },
    /spec\.verification: Unsupported value: "Always": supported values: "Required", "Preferred", "Never"/,
  ],
  'an unsupported value of delivery': [
    { ...minimal, delivery: 'Copy' },
    /spec\.delivery: Unsupported value: "Copy": supported values: "Shared", "Direct"/,
  ],
  'an unsupported mode': [
    { ...minimal, mode: 'Off' },
    /spec\.mode: .*supported values: "Enforce", "Observe"/,
  ],
  'an unknown field': [{ ...minimal, replaced: ['nginx'] }, /unknown field "spec\.replaced"/],
  'a tag in replaces': [
    replacing('reg.io/old:1.0'),
    /spec\.replaces\[0\]: Invalid value: "reg\.io\/old:1\.0": expected a repository/,
  ],
  'an ID in replaces': [replacing('a'.repeat(64)), /spec\.replaces\[0\]: .*found 64 hexadecimal digits/],
  'a repository of 256 characters in replaces': [
    replacing(`reg.io/${'a'.repeat(256)}`),
    /spec\.replaces\[0\]: .*255 for the repository/,
  ],
  'a repository twice in replaces': [
    replacing('reg.io/a', 'reg.io/a'),
    /spec\.replaces: Invalid value: expected each repository once/,
  ],
  '17 repositories in replaces': [
    replacing(...Array.from({ length: 17 }, (_, index) => `reg.io/old-${index}`)),
    /spec\.replaces: Too many: 17: must have at most 16 items/,
  ],
  'the image itself in replaces': [
    replacing('reg.io/old', 'reg.io/payments'),
    /spec\.replaces: Invalid value: expected replaces without the repository of spec\.image/,
  ],
  'the image itself in another form in replaces': [
    { ...minimal, image: 'nginx', replaces: ['index.docker.io/library/nginx'] },
    /spec\.replaces: Invalid value: expected replaces without the repository of spec\.image/,
  ],
  'the short form of the image in replaces': [
    { ...minimal, image: 'library/nginx', replaces: ['docker.io/nginx'] },
    /spec\.replaces: Invalid value: expected replaces without the repository of spec\.image/,
  ],
  'the short form of an image below library in replaces': [
    { ...minimal, image: 'docker.io/library/a/b', replaces: ['library/a/b'] },
    /spec\.replaces: Invalid value: expected replaces without the repository of spec\.image/,
  ],
  'replaces with a tag in spec.image': [
    { ...replacing('reg.io/old'), image: 'reg.io:5000/payments:1.0' },
    /spec\.replaces: Invalid value: expected spec\.image without a tag or digest, because spec\.replaces is set/,
  ],
  'replaces with a digest in spec.image': [
    { ...replacing('reg.io/old'), image: `reg.io/payments@sha256:${'0'.repeat(64)}` },
    /spec\.replaces: Invalid value: expected spec\.image without a tag or digest, because spec\.replaces is set/,
  ],
  'an invalid label key': [
    labelled({ 'a b': 'x' }),
    /spec\.scanSelector\.matchLabels: .*expected label keys/,
  ],
  'an invalid label value': [
    labelled({ a: '-' }),
    /spec\.scanSelector\.matchLabels\[a\]: Invalid value: "-": expected a label value/,
  ],
  'an unsupported operator': [selecting({ key: 'a', operator: 'Is' }), /operator: Unsupported value: "Is"/],
  'an invalid label key of an expression': [
    selecting({ key: '-', operator: 'Exists' }),
    /matchExpressions\[0\]\.key: Invalid value: "-": expected a label key/,
  ],
  'In without values': [
    selecting({ key: 'a', operator: 'In' }),
    /matchExpressions\[0\]\.values: Required value: expected at least one value/,
  ],
  'NotIn with an empty list': [
    selecting({ key: 'a', operator: 'NotIn', values: [] }),
    /matchExpressions\[0\]\.values: Required value: expected at least one value/,
  ],
  'Exists with values': [
    selecting({ key: 'a', operator: 'Exists', values: ['x'] }),
    /matchExpressions\[0\]\.values: Forbidden: expected no values/,
  ],
  'an invalid label value of an expression': [
    selecting({ key: 'a', operator: 'In', values: ['x', '-'] }),
    /matchExpressions\[0\]\.values\[1\]: Invalid value: "-": expected a label value/,
  ],
};

describe("the API server with the controller's CRD", () => {
  let controlPlane: ControlPlane;
  before(async () => {
    controlPlane = await startControlPlane({
      auditLog: false,
      log: (line) => process.stderr.write(`${line}\n`),
    });
    await controlPlane.installCrds([CRDS]);
  });
  after(() => controlPlane?.stop());

  async function create(...manifests: readonly string[]): Promise<string> {
    const args = ['create', '--dry-run=server', '--filename', '-', '--output', 'json'];
    return (await controlPlane.kubectl(args, { input: manifests.join('\n---\n') })).stdout;
  }

  for (const [what, spec] of Object.entries(accepted)) {
    it(`accepts ${what}`, async () => {
      await create(manifest(spec));
    });
  }

  for (const [what, [spec, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, () => assert.rejects(create(manifest(spec)), { message }));
  }

  it('fills in the defaults', async () => {
    const { spec } = JSON.parse(await create(manifest(minimal)));
    assert.deepEqual(spec, { ...minimal, ...imageCredentialBindingDefaults });
  });

  it('accepts every image that is a valid reference', async () => {
    await create(
      ...Object.values(goodImages).map((image, index) => manifest({ ...minimal, image }, `good-${index}`)),
    );
  });

  it('refuses every invalid image, each with one message that says what is expected', async () => {
    const images = Object.entries(badImages);
    const created = create(
      ...images.map(([, image], index) => manifest({ ...minimal, image }, `bad-${index}`)),
    );
    const { message } = await created.then(assert.fail, (error: Error) => error);
    for (const [index, [what]] of images.entries()) {
      assert.match(message, new RegExp(`"bad-${index}" is invalid: spec\\.image: [^\\n]*: expected `), what);
    }
  });

  it('lets the controller write a complete status, and ignores a status that is written with the spec', async () => {
    const status = {
      observedGeneration: 1,
      platform: 'Generic',
      delivery: 'Direct',
      credential: { secret: { name: 'pull', uid: '1' }, registryKey: 'reg.io' },
      candidates: [{ secret: 'spare', result: 'Unusable', reason: 'NoMatch' }],
      trivySecret: { name: 'trivy-pull-5f0c1a' },
      scans: { matched: 2, bound: 2, failing: 0, names: [{ name: 'a' }, { name: 'b' }] },
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Ready',
          message: '',
          lastTransitionTime: '2026-01-02T03:04:05Z',
        },
      ],
    };
    const whole = JSON.stringify({ ...JSON.parse(manifest(minimal)), status });
    await controlPlane.kubectl(['create', '--filename', '-'], { input: whole });
    const name = `${imageCredentialBindings.plural}/payments`;
    const read = async () =>
      JSON.parse((await controlPlane.kubectl(['get', name, '--output', 'json'])).stdout);
    assert.deepEqual((await read()).status, { observedGeneration: 0 });
    await controlPlane.kubectl([
      'patch',
      name,
      '--subresource=status',
      '--type=merge',
      '--patch',
      JSON.stringify({ status }),
    ]);
    assert.deepEqual((await read()).status, status);
  });

  it('shows the printer columns for the short name and for the category', async () => {
    const header = async (resource: string, output: string) => {
      const { stdout } = await controlPlane.kubectl(['get', resource, '--output', output]);
      return stdout
        .split('\n')
        .map((line) => line.split(/\s+/))
        .at(0);
    };
    await controlPlane.kubectl(['apply', '--filename', '-'], { input: manifest(minimal, 'shown') });
    const columns = ['NAME', 'IMAGE', 'PLATFORM', 'SECRET', 'SCANS', 'READY', 'AGE'];
    assert.deepEqual(await header('icb', ''), columns);
    assert.deepEqual(await header('icb', 'wide'), [
      ...columns.slice(0, -1),
      'REASON',
      'DELIVERY',
      'VERIFIED',
      'EXPIRES',
      'AGE',
    ]);
    assert.deepEqual(await header('securecodebox', ''), columns);
  });

  it('explains every field', async () => {
    const { stdout } = await controlPlane.kubectl(['explain', 'icb', '--recursive']);
    for (const field of ['imagePullSecrets', 'matchExpressions', 'trivySecret'])
      assert.match(stdout, new RegExp(field));
    const image = await controlPlane.kubectl(['explain', 'icb.spec.image']);
    assert.match(image.stdout, /nginx means\s+docker\.io\/library\/nginx/);
  });
});

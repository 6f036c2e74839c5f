import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import fc from 'fast-check';
import { imageCredentialBindingSchema } from '../../../../src/api/index.ts';
import { controllerOf } from '../../../../src/cli/check/controller.ts';
import { tagOf } from '../../../../src/cli/check/deployment.ts';
import { matchesPattern } from '../../../../src/cli/check/glob.ts';
import { missing, ok, someOf } from '../../../../src/cli/check/item.ts';
import { policyStateItem } from '../../../../src/cli/check/policy.ts';
import { asJson, asText } from '../../../../src/cli/check/print.ts';
import { controllerRightsItems } from '../../../../src/cli/check/reviews.ts';
import { schemaDifference } from '../../../../src/cli/check/schema-difference.ts';
import { KubeClient } from '../../../../src/kube/client/client.ts';
import { Transport } from '../../../../src/kube/client/transport.ts';
import { scanTypesOf } from '../../../../src/policy/precedence.ts';

describe('a pattern of scan types', () => {
  it('matches what it matches in the controller', () => {
    const letters = (alphabet: readonly string[]) =>
      fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }).map((all) => all.join(''));
    fc.assert(
      fc.property(letters(['a', 'b', '*', '.']), letters(['a', 'b', '.']), (pattern, text) => {
        assert.equal(matchesPattern(pattern, text), scanTypesOf([pattern]).test(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes little time, whatever it is', () => {
    const begun = performance.now();
    assert.equal(matchesPattern(`${'*a'.repeat(50_000)}*b`, 'a'.repeat(60_000)), false);
    assert.ok(performance.now() - begun < 2_000);
  });
});

describe('the difference of two schemas', () => {
  const nothing = { lacking: [], additional: [], changed: [] };
  const schema = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
  const cases = [
    ['the same', schema({ a: { type: 'string' } }), schema({ a: { type: 'string' } }), nothing],
    [
      'other texts',
      schema({ a: { type: 'string', description: 'x' } }),
      schema({ a: { title: 'y', type: 'string' } }),
      nothing,
    ],
    [
      'a field that is called like a text',
      schema({ description: { type: 'string' } }),
      schema({}),
      { ...nothing, lacking: ['description'] },
    ],
    [
      'fields in lists and maps',
      schema({ a: { items: schema({ b: {} }) }, m: { additionalProperties: schema({ c: {} }) } }),
      schema({ a: { items: schema({}) }, m: { additionalProperties: schema({ c: {}, d: {} }) } }),
      { lacking: ['a.[].b'], additional: ['m.*.d'], changed: [] },
    ],
    [
      'rules',
      schema({ a: { enum: ['x', 'y'] }, b: { maxItems: 3 } }, { required: ['a'] }),
      schema({ a: { enum: ['x'] }, b: { maxItems: 3 } }),
      { ...nothing, changed: ['the whole object', 'a'] },
    ],
    [
      'no schema',
      schema({ a: {} }),
      undefined,
      { ...nothing, lacking: ['a'], changed: ['the whole object'] },
    ],
  ] as const;
  for (const [what, own, installed, expected] of cases)
    it(`lists ${what}`, () => assert.deepEqual(schemaDifference(own, installed), expected));

  it('contains every field of the CRD', () => {
    const { lacking } = schemaDifference(imageCredentialBindingSchema, {});
    for (const path of ['spec.replaces.[]', 'status.conditions.[].reason', 'spec.scanSelector.matchLabels.*'])
      assert.ok(lacking.includes(path), path);
    assert.deepEqual(
      schemaDifference(imageCredentialBindingSchema, structuredClone(imageCredentialBindingSchema)),
      nothing,
    );
  });
});

describe('the flags of a controller', () => {
  const of = (...args: readonly string[]) =>
    controllerOf({
      ...{
        namespace: 'ns',
        name: 'icb',
        labels: {},
        created: '',
        replicas: 1,
        ready: 1,
        serviceAccount: 'sa',
        image: '',
      },
      args,
    });

  it('have the defaults of the controller', () => {
    const { deployment, ...rest } = of('controller');
    assert.equal(deployment.name, 'icb');
    assert.deepEqual(rest, {
      namespaces: 'all',
      scanTypes: undefined,
      lease: { namespace: 'ns', name: 'image-credential-binding' },
      discovery: 'off',
      marksPods: false,
      admission: false,
      writesSecrets: true,
    });
  });

  it('are read in both forms', () => {
    const { deployment, ...rest } = of(
      ...['controller', '--namespaces', 'a, b', '--scan-types=x*,y', '--lease-name=l'],
      ...['--lease-namespace', 'm', '--discovery=all', '--mark-pods', '--admission=:9443'],
      '--write-secrets=false',
    );
    assert.equal(deployment.name, 'icb');
    assert.deepEqual(rest, {
      namespaces: ['a', 'b'],
      scanTypes: ['x*', 'y'],
      lease: { namespace: 'm', name: 'l' },
      discovery: 'all',
      marksPods: true,
      admission: true,
      writesSecrets: false,
    });
  });

  const images = [
    ['reg.example:5000/a/b:1.2.3', '1.2.3'],
    ['reg.example:5000/a/b', undefined],
    [`a:1@sha256:${'0'.repeat(64)}`, '1'],
    [`a@sha256:${'0'.repeat(64)}`, undefined],
    ['', undefined],
  ] as const;
  for (const [image, tag] of images)
    it(`include the tag ${tag} of ${image.slice(0, 30)}`, () => assert.equal(tagOf(image), tag));
});

describe('the output of check', () => {
  const items = [ok('CRD', 'is \u001bserved'), missing('leader', 'there is none', 'start one')];

  it('is one line per item', () => {
    assert.equal(
      asText(items),
      'ok       CRD     is \\u001bserved\nmissing  leader  there is none; start one\n',
    );
  });

  it('is JSON', () => {
    assert.deepEqual(JSON.parse(asJson(items)), items);
  });

  it('lists at most five names', () => {
    assert.equal(someOf(['a', 'b']), 'a, b');
    assert.equal(someOf(['a', 'b', 'c', 'd', 'e', 'f', 'g']), 'a, b, c, d, e, and 2 more');
  });
});

describe('the state of the policies', () => {
  const bound = (...all: readonly ('all' | 'unknown' | readonly string[])[]) => ({
    result: 'Seen' as const,
    value: {
      names: ['p'],
      bindings: all.map((namespaces) => ({ policy: 'p', denies: true, namespaces })),
    },
  });
  for (const [policies, expected] of [
    [bound('all'), '"p" is in force'],
    [bound(['shop'], 'all'), '"p" is in force'],
    [bound(['shop'], ['pay', 'shop']), '"p" is in force only in "shop", "pay"'],
    [bound(['shop'], 'unknown'), '"p" is in force in the namespaces that it selects'],
  ] as const) {
    it(`of all namespaces says where they are in force: ${expected}`, () => {
      assert.deepEqual(policyStateItem(policies, { kind: 'All' }), ok('policy', expected));
    });
  }
});

it('reviews no rights of a controller that watches none of the namespaces', async () => {
  const deployment = {
    ...{ namespace: 'system', name: 'icb', labels: {}, created: '', replicas: 1, ready: 1 },
    ...{ serviceAccount: 'icb', image: 'icb:1.0.0', args: ['controller', '--namespaces=shop'] },
  };
  // It sends nothing.
  const client = new KubeClient({ transport: new Transport(new KubeConfig()), fieldManager: 'test' });
  const scope = { kind: 'Namespaces', names: ['pay'] } as const;
  assert.deepEqual(await controllerRightsItems(client, controllerOf(deployment), scope), []);
});

/** Renders the ExternalSecrets of docs/pull-secret-sources.md, and shows that a binding can use the Secrets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadAll } from 'js-yaml';
import { readPage } from '../../support/docs/markdown.ts';
import { binding, Files, runExplain, runValidate } from '../../support/explain.ts';
import { askAddOns } from '../support/add-ons.ts';

interface ExternalSecret {
  readonly kind: string;
  readonly spec: {
    readonly target: {
      readonly name: string;
      readonly template: { readonly type: string; readonly data: Readonly<Record<string, string>> };
    };
  };
}

/** Breaks JSON that is made without `toJson`. */
const PASSWORD = 'canary"word\\';

/** What each generator of External Secrets 1.3 returns, and an image of its registry. */
const GENERATORS: Readonly<
  Record<string, { readonly image: string; readonly values: Readonly<Record<string, string>> }>
> = {
  'ecr.yaml': {
    image: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1.0',
    values: {
      username: 'AWS',
      password: PASSWORD,
      proxy_endpoint: 'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com',
      expires_at: '1893456000',
    },
  },
  'acr.yaml': {
    image: 'example.azurecr.io/app:1.0',
    values: { username: '00000000-0000-0000-0000-000000000000', password: PASSWORD },
  },
  'gcr.yaml': {
    image: 'europe-docker.pkg.dev/acme/team/app:1.0',
    values: { username: 'oauth2accesstoken', password: PASSWORD, expiry: '1893456000' },
  },
  'quay.yaml': {
    image: 'quay.io/acme/app:1.0',
    values: { registry: 'quay.io', auth: btoa(`acme+scanner:${PASSWORD}`), expiry: '1893456000' },
  },
  'github.yaml': { image: 'ghcr.io/acme/app:1.0', values: { token: PASSWORD, expiry: '1893456000' } },
};

const page = readPage('docs/pull-secret-sources.md');

function externalSecretIn(file: string): ExternalSecret {
  const block = page.blocks.find(({ words }) => words.includes(file));
  const found = loadAll(block?.text ?? '').find(
    (object) => (object as ExternalSecret).kind === 'ExternalSecret',
  );
  assert.ok(found !== undefined, `the page has an ExternalSecret in ${file}`);
  return found as ExternalSecret;
}

/** The Secret that External Secrets writes, without a template: with the generator's fields, and of the type Opaque. */
function secret(name: string, type: string, values: Readonly<Record<string, string>>): object {
  const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, data: Object.fromEntries(data) };
}

async function render(
  template: Readonly<Record<string, string>>,
  values: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const entries = Object.entries(template);
  const answers = await askAddOns(entries.map(([, text]) => ({ template: text, values })));
  return Object.fromEntries(entries.map(([key], index) => [key, answers[index]?.text ?? '']));
}

/** What `explain` says about an image whose binding names this Secret, and how `validate` exits. */
function judged(name: string, image: string, object: object) {
  using files = new Files();
  const flags = [
    ...files.write('secret.json', object),
    ...files.write(
      'binding.json',
      binding('app', { image: image.slice(0, -4), imagePullSecrets: [{ name }] }),
    ),
  ];
  const { status, stdout, stderr } = runExplain([image, '-o', 'json', ...flags]);
  assert.doesNotMatch(stdout + stderr, /canary/);
  return { status, explained: JSON.parse(stdout)[0], validated: runValidate(flags).status };
}

describe('the ExternalSecret', () => {
  it('of each generator on the page is tested', () => {
    const files = page.blocks
      .filter(({ text }) => text.includes('kind: ExternalSecret'))
      .map(({ words }) => words[1]);
    assert.deepEqual(files, Object.keys(GENERATORS));
  });

  for (const [file, { image, values }] of Object.entries(GENERATORS)) {
    it(`in ${file} creates a Secret with a credential for ${image}`, async () => {
      const { name, template } = externalSecretIn(file).spec.target;
      const rendered = secret(name, template.type, await render(template.data, values));

      const { status, explained, validated } = judged(name, image, rendered);

      assert.deepEqual([status, validated], [0, 0], JSON.stringify(explained));
      const [candidate] = explained.candidates;
      assert.equal(candidate.secret, name);
      assert.equal(candidate.registryKey, image.split('/')[0]);
    });
  }

  const { image, values } = GENERATORS['ecr.yaml'] ?? { image: '', values: {} };

  it('without a template creates a Secret that a binding cannot use', () => {
    const { status, explained } = judged('ecr', image, secret('ecr', 'Opaque', values));
    assert.equal(status, 1);
    assert.match(JSON.stringify(explained.conditions), /NotAnnotated/);
  });

  it('with a template without a type creates a Secret that a binding cannot use', async () => {
    const { template } = externalSecretIn('ecr.yaml').spec.target;
    const rendered = secret('ecr', 'Opaque', await render(template.data, values));
    const { status, explained } = judged('ecr', image, rendered);
    assert.equal(status, 1);
    assert.match(JSON.stringify(explained.conditions), /NotAnnotated/);
  });

  it('whose template encodes the JSON creates a Secret that is reported as encoded twice', async () => {
    const { template } = externalSecretIn('ecr.yaml').spec.target;
    const [text = ''] = Object.values(template.data);
    const encoded = { '.dockerconfigjson': text.replace('toJson', 'toJson | b64enc') };
    const rendered = secret('ecr', template.type, await render(encoded, values));
    const { status, explained } = judged('ecr', image, rendered);
    assert.equal(status, 1);
    assert.match(JSON.stringify(explained.conditions), /encoded twice/);
  });
});

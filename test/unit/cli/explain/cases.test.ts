import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runExplain } from '../../../support/explain.ts';

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const EXAMPLE = 'registry.example.org/app:1';

interface Case {
  /** In the folder `cases`. */
  readonly file: string;
  readonly image: string;
  readonly status: 0 | 1;
  /** Patterns that the output matches. */
  readonly says: readonly RegExp[];
  /** Patterns that the output does not match. */
  readonly never?: readonly RegExp[];
}

/** Inputs from bug reports and from documentation of registries. Their values are made up. */
const CASES: readonly Case[] = [
  {
    file: '01-skip-update.yaml',
    image: 'registry.example.org/shop/payments:1.0',
    status: 0,
    says: [/documented +not yet bound/, /renamed +not yet bound/, /slow +not yet bound/],
  },
  {
    file: '06-dockercfg-holds-config.json',
    image: 'docker.io/a/b:1',
    status: 1,
    says: [/found "auths"/, /kubernetes\.io\/dockerconfigjson/],
    never: [/HttpHeaders": expected a credential/],
  },
  {
    file: '07b-opaque-annotated.json',
    image: EXAMPLE,
    status: 1,
    says: [/type kubernetes\.io\/dockerconfigjson/, /annotation/],
  },
  {
    file: '10-hub-no-slash.json',
    image: 'nginx',
    status: 1,
    says: [/https:\/\/index\.docker\.io\/v1\/.*slash|slash.*https:\/\/index\.docker\.io\/v1\//],
  },
  {
    file: '11-hub-wrong-hosts.json',
    image: 'nginx',
    status: 1,
    says: [/registry\.docker\.io/, /hub\.docker\.com/, /https:\/\/index\.docker\.io\/v1\//],
  },
  {
    file: '13-acr-mixed-case.json',
    image: 'MyRegistry.azurecr.io/app:1',
    status: 0,
    says: [/platform +Azure/, /AZURE_TENANT_ID=/],
  },
  {
    file: '13c-acr-sp-annotated.json',
    image: 'MyRegistry.azurecr.io/app:1',
    status: 1,
    says: [/letter case/],
  },
  {
    file: '13d-acr-sp-annotated-mixed.json',
    image: 'MyRegistry.azurecr.io/app:1',
    status: 0,
    says: [/platform +Azure/, /service principal/],
  },
  {
    file: '15-basic-auth-newline.json',
    image: EXAMPLE,
    status: 0,
    says: [/user name and password/],
    never: [/hunter2/, /a token/],
  },
  {
    file: '16-do-token-as-user.json',
    image: 'registry.digitalocean.com/acme/app:1',
    status: 0,
    says: [/registry-acme/],
    never: [/dop_v1/],
  },
  { file: '18-port-443.json', image: EXAMPLE, status: 1, says: [/port 443/] },
  { file: '24-empty-password.json', image: EXAMPLE, status: 1, says: [/empty/, /password/] },
  {
    file: '25-eso-merged-keys.json',
    image: EXAMPLE,
    status: 0,
    says: [/Secret regcred +entry registry\.example\.org/],
    never: [/annotation/],
  },
  {
    file: '30-scan-params.json',
    image: EXAMPLE,
    status: 0,
    says: [
      /ok +not yet bound/,
      /slow +not yet bound/,
      /light +not yet bound/,
      /trace +not yet bound/,
      /unfixed-false +not yet bound/,
      /vuln-type +not yet bound/,
      /tagdigest +not yet bound/,
      /sub-command +.*already contains "image"; remove it/,
      /flag-and-value-in-one +.*--severity.*make them two parameters, or join them with "="/,
      /scheme +.*scheme docker:\/\/.*remove it/,
      /quoted +.*remove the quotes/,
      /spaces +.*spaces or line breaks; remove them/,
      /custom-type +.*scan type "my-trivy-image".*config\.scanTypes/,
    ],
  },
  {
    file: '32-other-secret-fits.json',
    image: EXAMPLE,
    status: 1,
    says: [/named/],
    never: [/1\. +Secret unnamed/],
  },
  {
    file: '38-eso-ecr-generator.json',
    image: `${ECR}/app:1`,
    status: 1,
    says: [/kubernetes\.io\/basic-auth/, /username/, /dockerconfigjson/],
  },
  {
    file: '38b-eso-basic-auth.json',
    image: `${ECR}/app:1`,
    status: 0,
    says: [/AWS/],
    never: [/a token/],
  },
  {
    file: '44-az-sp-json.json',
    image: 'acme.azurecr.io/app:1',
    status: 1,
    says: [/azure\.json/, /AZURE_CLIENT_ID/],
  },
  {
    file: '45-aws-credentials-file.json',
    image: `${ECR}/app:1`,
    status: 1,
    says: [/"credentials"/, /AWS_ACCESS_KEY_ID/],
  },
  {
    file: '55-aws-keys-mixed-acr.json',
    image: 'MyRegistry.azurecr.io/app:1',
    status: 1,
    says: [/other clouds/],
  },
];

describe('explain, for inputs that people really have', () => {
  for (const { file, image, status, says, never = [] } of CASES) {
    it(`explains ${file}`, () => {
      const { stdout, stderr, ...run } = runExplain([image, '-f', join(import.meta.dirname, 'cases', file)]);
      const output = stdout + stderr;
      assert.equal(run.status, status, output);
      for (const pattern of says) assert.match(output, pattern);
      for (const pattern of never) assert.doesNotMatch(output, pattern);
    });
  }
});

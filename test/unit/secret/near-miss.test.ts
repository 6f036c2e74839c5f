import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Keyring } from '../../../src/credential/keyring.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import type { SourceCredential } from '../../../src/platform/platform-credential.ts';
import { findNearMisses } from '../../../src/secret/near-miss.ts';
import { readSourceSecret } from '../../../src/secret/source-secret.ts';

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const HUB_KEY = 'write "https://index.docker.io/v1/"';
const CANARY = 'canary-Qz7';

/** The keys of a pull secret, an image, and the problem of each near miss. */
type Row = readonly [keys: readonly string[], image: string, problems: readonly RegExp[]];

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'a port': [
    [
      ['registry.example.org:443'],
      'registry.example.org/app',
      [/names port 443, and the image none; write "registry.example.org"$/],
    ],
    [['https://registry.example.org:443/'], 'registry.example.org/app', [/names port 443/]],
    [
      ['registry.example.org'],
      'registry.example.org:5000/app',
      [/names no port, and the image port 5000; write "registry.example.org:5000"$/],
    ],
    [
      ['registry.example.org:443'],
      'registry.example.org:5000/app',
      [/names port 443, and the image port 5000/],
    ],
    [
      ['*.example.org:443'],
      'registry.example.org/app',
      [/names port 443, and the image none; write "\*\.example\.org"$/],
    ],
    [
      ['registry.example.org:443/team'],
      'registry.example.org/team/app',
      [/write "registry\.example\.org\/team"$/],
    ],
    [['[2001:db8::1]:443'], '[2001:db8::1]:5000/app', [/write "\[2001:db8::1\]:5000"$/]],
    [['docker.io:443'], 'nginx', [new RegExp(`names port 443, and the image none; ${HUB_KEY}$`)]],
    [['index.docker.io:443'], 'nginx', [new RegExp(`names a port.*; ${HUB_KEY}$`)]],
  ],
  'letter case': [
    [
      ['myregistry.azurecr.io'],
      'MyRegistry.azurecr.io/app',
      [/host differs from the image's in letter case; write "MyRegistry\.azurecr\.io"$/],
    ],
    [
      ['MyRegistry.azurecr.io'],
      'myregistry.azurecr.io/app',
      [/letter case; write "myregistry\.azurecr\.io"$/],
    ],
    [['*.Example.org'], 'registry.example.org/app', [/letter case; write "registry\.example\.org"$/]],
    [
      ['registry.example.org/Team'],
      'registry.example.org/team/app',
      [/path differs .* in letter case; write "registry\.example\.org\/team"$/],
    ],
    [['https://Index.docker.io/v1/'], 'nginx', [/letter case/]],
    [['Docker.io'], 'nginx', [/letter case/]],
    [['Registry.example.org:443'], 'registry.example.org/app', [/letter case, and it names port 443/]],
  ],
  'a slash at the end': [
    [
      ['https://index.docker.io/v1'],
      'nginx',
      [new RegExp(`lacks the slash at its end, after "/v1"; ${HUB_KEY}$`)],
    ],
    [['https://index.docker.io/v2'], 'nginx', [new RegExp(`lacks the slash .*; ${HUB_KEY}$`)]],
    [['https://registry.example.org/v2'], 'registry.example.org/app', [/lacks the slash/]],
    [
      ['registry.example.org/team/app/'],
      'registry.example.org/team/app',
      [/ends with a slash, .*; write "registry\.example\.org\/team\/app"$/],
    ],
  ],
  'a path': [
    [
      ['registry.example.org/team'],
      'registry.example.org/shop/app',
      [
        /its path, "\/team", does not begin the image's repository, "shop\/app"; add an entry for "registry\.example\.org\/shop"$/,
      ],
    ],
    [['registry.example.org/app/team'], 'registry.example.org/app', [/does not begin/]],
    [
      ['registry.example.org/team/app:1.0'],
      'registry.example.org/team/app:1.0',
      [/ends with a tag, .*; write "registry\.example\.org\/team\/app"$/],
    ],
    [['docker.io/nginx'], 'nginx', [/"\/nginx", does not begin the image's repository, "library\/nginx"/]],
    [
      ['index.docker.io/acme'],
      'acme/shop',
      [/"\/acme", and an entry for index\.docker\.io may have no path but \/v1\/; write "docker\.io\/acme"$/],
    ],
    [
      ['registry.example.org/v1/app'],
      'registry.example.org/v1/app',
      [/"\/app", does not begin .* "v1\/app"/],
    ],
  ],
  'another name of Docker Hub': [
    ...[
      'registry.docker.io',
      'https://hub.docker.com',
      'docker.com',
      'registry.hub.docker.com',
      'https://registry-1.docker.io/v2/',
      'auth.docker.io',
    ].map((key): Row => [[key], 'nginx', [new RegExp(`Docker Hub are looked up under .*; ${HUB_KEY}$`)]]),
    [
      ['https://index.docker.io/v1/'],
      'registry-1.docker.io/library/nginx',
      [
        /names Docker Hub as "index\.docker\.io", and the image as "registry-1\.docker\.io"; write "registry-1\.docker\.io"$/,
      ],
    ],
  ],
  'a wildcard': [
    [
      ['*.example.com'],
      'a.b.example.com/app',
      [
        /its host has 3 labels and the image's 4 labels, and "\*" matches only within one label; write "a\.b\.example\.com"$/,
      ],
    ],
    [['*.example.com'], 'example.com/app', [/has 3 labels and the image's 2 labels/]],
    [['*'], 'registry.example.com/app', [/has 1 label and the image's 3 labels/]],
    [['*example.com'], 'registry.example.com/app', [/has 2 labels and the image's 3 labels/]],
    [['.example.com'], 'registry.example.com/app', [/begins with a dot, which is not a wildcard/]],
  ],
  'another host of the same service': [
    [
      [ECR],
      '123456789012.dkr.ecr.us-east-1.amazonaws.com/app',
      [
        /is for another region of Amazon ECR than the image; add an entry for "123456789012\.dkr\.ecr\.us-east-1/,
      ],
    ],
    [[ECR], '999999999999.dkr.ecr.eu-west-1.amazonaws.com/app', [/another account of Amazon ECR/]],
    [[ECR], '123456789012.dkr-ecr.eu-west-1.on.aws/app', [/another kind of endpoint of Amazon ECR/]],
    [
      ['*.dkr.ecr.eu-west-1.amazonaws.com'],
      '999999999999.dkr.ecr.us-east-1.amazonaws.com/app',
      [/another region of Amazon ECR/],
    ],
    [['eu.gcr.io'], 'gcr.io/p/app', [/another region of Artifact Registry/]],
    [['us-docker.pkg.dev'], 'europe-docker.pkg.dev/p/r/app', [/another region of Artifact Registry/]],
    [['gcr.io'], 'us-docker.pkg.dev/p/r/app', [/another region and kind of endpoint of Artifact Registry/]],
    [['other.azurecr.io'], 'acme.azurecr.io/app', [/another registry of Azure Container Registry/]],
    [['acme.azurecr.io'], 'acme.azurecr.cn/app', [/another national cloud of Azure/]],
    [
      ['registry-vpc.cn-hangzhou.aliyuncs.com'],
      'registry.cn-hangzhou.aliyuncs.com/a/b',
      [/another network \(public, internal or VPC\) of Alibaba Cloud/],
    ],
    [
      ['acme-registry-vpc.cn-hangzhou.cr.aliyuncs.com'],
      'acme-registry.cn-beijing.cr.aliyuncs.com/a/b',
      [/another region and network/],
    ],
    [['us.icr.io'], 'de.icr.io/a/b', [/another region of IBM/]],
    [
      ['gitlab.example.com'],
      'registry.example.com/a/b',
      [
        /another host in the domain "example\.com" than the image; add an entry for "registry\.example\.com"$/,
      ],
    ],
  ],
  'a typo in the host': [
    [
      ['registy.example.org'],
      'registry.example.org/app',
      [
        /differs from the image's, "registry\.example\.org", in 1 character; if it is misspelled, write "registry\.example\.org"$/,
      ],
    ],
    [['quai.io'], 'quay.io/a/b', [/in 1 character/]],
    [['ghrc.io'], 'ghcr.io/a/b', [/in 1 character/]],
    [['*.exmple.org'], 'registry.example.org/app', [/in 1 character/]],
  ],
  'nothing that is near': [
    [['other.example'], 'reg.example/app', []],
    [['registry.foo.co.uk'], 'registry.bar.co.uk/app', []],
    [['quay.io'], 'ghcr.io/a/b', []],
    [['https://index.docker.io/v1/'], 'registry.example.org/app', []],
    [['https://index.docker.io/v1/'], 'ACME/app', []],
    [[`https://user:${CANARY}@registry.example.org:443`], 'registry.example.org/app', []],
    [['[::1]'], '[::1]/app', []],
  ],
  'several entries, the nearest first': [
    [
      [
        'gitlab.example.org',
        'registry.example.org/other',
        'registry.example.org:5000',
        'registy.example.org',
        'far.example',
      ],
      'registry.example.org/app',
      [/port 5000/, /does not begin/, /in 1 character/],
    ],
  ],
};

describe('a near miss of a pull secret explains', () => {
  for (const [what, rows] of Object.entries(ROWS)) {
    it(what, () => {
      for (const [keys, image, problems] of rows) {
        const found = nearMissesOf(Object.fromEntries(keys.map((key) => [key, ENTRY])), image);
        assert.equal(found.length, problems.length, `${keys}, ${image}: ${found.join()}`);
        for (const [index, problem] of problems.entries()) assert.match(found[index] ?? '', problem);
        assert.ok(!found.join().includes(CANARY));
      }
    });
  }

  it('that an entry without a credential keeps Docker Hub from its fallback', () => {
    const found = nearMissesOf({ 'docker.io': {}, 'https://index.docker.io/v1/': ENTRY }, 'nginx');
    assert.equal(found.length, 1);
    assert.match(
      found[0] ?? '',
      /used only if no entry names docker\.io, and an entry without a credential does/,
    );
  });
});

describe('a near miss of a credential Secret explains', () => {
  const rows: readonly (readonly [annotation: string, image: string, problem: RegExp])[] = [
    [
      'myregistry.azurecr.io',
      'MyRegistry.azurecr.io/app',
      /^host "myregistry\.azurecr\.io" in the annotation credentials\.securecodebox\.io\/registries of Secret principal does not fit: its host differs from the image's in letter case; write "MyRegistry\.azurecr\.io"$/,
    ],
    [
      'acme.azurecr.io:443',
      'acme.azurecr.io/app',
      /names port 443, and the image none; write "acme\.azurecr\.io"$/,
    ],
    [
      'other.azurecr.io,registry.example.org',
      'acme.azurecr.io/app',
      /another registry of Azure Container Registry than the image; if the credential is valid there, add "acme\.azurecr\.io"$/,
    ],
  ];
  for (const [annotation, image, problem] of rows) {
    it(`that ${annotation} in its annotation does not fit ${image}`, () => {
      const { content } = readSourceSecret({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 'principal',
          annotations: { 'credentials.securecodebox.io/registries': annotation },
        },
        data: {
          clientId: btoa('11111111-2222-3333-4444-555555555555'),
          clientSecret: btoa(CANARY),
        },
      });
      if (content.result !== 'Credential') throw new Error(`expected a credential, found ${content.result}`);
      const found = problemsOf('principal', content.keyring, image);
      assert.equal(found.length, 1);
      assert.match(found[0] ?? '', problem);
      assert.ok(!found.join().includes(CANARY));
    });
  }
});

const ENTRY = { auth: Buffer.from(`user:${CANARY}`).toString('base64') };

function nearMissesOf(auths: Readonly<Record<string, object>>, image: string): readonly string[] {
  const { content } = readSourceSecret({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'pull' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  });
  if (content.result !== 'Entries') throw new Error(`expected entries, found ${content.result}`);
  return problemsOf('pull', content.keyring, image);
}

function problemsOf(name: string, keyring: Keyring<SourceCredential>, image: string): readonly string[] {
  return findNearMisses([{ name, keyring }], parseImageReference(image)).map(({ problem }) => problem);
}

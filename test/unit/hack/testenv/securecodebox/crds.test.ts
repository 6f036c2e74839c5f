import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import {
  FIXTURE_CRDS,
  REAL_CRDS,
  secureCodeBoxCrds,
} from '../../../../../hack/testenv/securecodebox/crds.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly description?: string;
}

interface Version {
  readonly schema: { readonly openAPIV3Schema: Schema };
  readonly [field: string]: unknown;
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: unknown;
    readonly versions: readonly [Version];
  };
}

async function read(directory: string, file: string): Promise<Crd['spec']> {
  // The API server accepts the real CRDs. The test compares the fixture with them.
  return (load(await readFile(join(directory, file), 'utf8')) as Crd).spec;
}

/** The keywords of a schema without its nested schemas. */
function ownPart({
  properties: _,
  items: __,
  additionalProperties: ___,
  description: ____,
  ...own
}: Schema): object {
  return own;
}

function compare(fixture: Schema, real: Schema | undefined, path: string): void {
  assert.ok(real, `${path}: the real CRD has no such field`);
  assert.deepEqual(ownPart(fixture), ownPart(real), path);
  for (const [name, schema] of Object.entries(fixture.properties ?? {})) {
    compare(schema, real.properties?.[name], `${path}.${name}`);
  }
  if (fixture.items !== undefined) compare(fixture.items, real.items, `${path}[]`);
  if (fixture.additionalProperties !== undefined) {
    compare(fixture.additionalProperties, real.additionalProperties, `${path}{}`);
  }
}

describe('the fixture of the CRDs of secureCodeBox', () => {
  const skip = existsSync(REAL_CRDS) ? false : 'the real CRDs are not available';

  it('defines the same kinds as the real CRDs', { skip }, async () => {
    const files = async (directory: string) =>
      (await readdir(directory)).filter((file) => file.endsWith('.yaml'));
    assert.deepEqual(await files(FIXTURE_CRDS), await files(REAL_CRDS));
  });

  for (const kind of ['parsedefinitions', 'scans', 'scantypes', 'scheduledscans']) {
    it(`defines ${kind} as a subset of the real CRD`, { skip }, async () => {
      const file = `execution.securecodebox.io_${kind}.yaml`;
      const [fixture, real] = await Promise.all([read(FIXTURE_CRDS, file), read(REAL_CRDS, file)]);
      const { versions: fixtureVersions, ...fixtureRest } = fixture;
      const { versions: realVersions, ...realRest } = real;
      assert.deepEqual(fixtureRest, realRest);
      assert.deepEqual([fixtureVersions.length, realVersions.length], [1, 1]);
      const [{ schema: fixtureSchema, ...fixtureVersion }] = fixtureVersions;
      const [{ schema: realSchema, ...realVersion }] = realVersions;
      assert.deepEqual(fixtureVersion, realVersion);
      compare(fixtureSchema.openAPIV3Schema, realSchema.openAPIV3Schema, kind);
    });
  }
});

describe('the CRDs of secureCodeBox that tests install', () => {
  it('are four files', () => {
    const kinds = ['parsedefinitions', 'scans', 'scantypes', 'scheduledscans'];
    assert.deepEqual(
      secureCodeBoxCrds().map((file) => basename(file)),
      kinds.map((kind) => `execution.securecodebox.io_${kind}.yaml`),
    );
  });
});

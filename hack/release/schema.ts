import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { type CustomResourceDefinition, manifestSchema } from '../codegen/index.ts';
import { CRDS } from '../root.ts';
import type { ReleaseFile } from './file.ts';

/**
 * The JSON schemas of the CRDs, one for each version, in the layout of https://github.com/datreeio/CRDs-catalog: editors and
 * kubeconform find the schema by group, kind and version.
 */
export async function schemaFiles(): Promise<readonly ReleaseFile[]> {
  const names = (await readdir(CRDS)).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(CRDS, name), 'utf8')));
  // The cast is safe, because tests install the CRDs in an API server.
  return texts.flatMap((text) => schemasOf(load(text) as CustomResourceDefinition));
}

function schemasOf({ spec: { group, names, versions } }: CustomResourceDefinition): readonly ReleaseFile[] {
  return versions.map(({ name, schema }) => {
    const typeMeta = { apiVersion: `${group}/${name}`, kind: names.kind };
    const content = JSON.stringify(manifestSchema(schema.openAPIV3Schema, typeMeta), undefined, 2);
    return { path: `${group}/${names.kind.toLowerCase()}_${name}.json`, content: `${content}\n` };
  });
}

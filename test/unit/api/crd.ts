import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import type { CustomResourceDefinition, Schema } from '../../../hack/codegen/crd.ts';
import { CRDS } from '../../../hack/root.ts';

const file = join(CRDS, 'credentials.securecodebox.io_imagecredentialbindings.yaml');

/** The CRD of ImageCredentialBinding. */
export const crd = load(readFileSync(file, 'utf8')) as CustomResourceDefinition;

const [version] = crd.spec.versions;
if (version === undefined) throw new Error('expected a version in the CRD, found none');

/** The OpenAPI schema of the CRD. */
export const schema: Schema = version.schema.openAPIV3Schema;

/** The schema of each field by its path, such as `spec.imagePullSecrets[].name`. */
export const fields: ReadonlyMap<string, Schema> = new Map(fieldsOf(schema, ''));

function fieldsOf(parent: Schema, path: string): readonly (readonly [string, Schema])[] {
  const inner = Object.entries(parent.properties ?? {}).map(
    ([name, property]) => [path === '' ? name : `${path}.${name}`, property] as const,
  );
  if (parent.items !== undefined) inner.push([`${path}[]`, parent.items]);
  if (typeof parent.additionalProperties === 'object') inner.push([`${path}.*`, parent.additionalProperties]);
  return inner.flatMap(([name, each]) => [[name, each] as const, ...fieldsOf(each, name)]);
}

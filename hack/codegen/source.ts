import { formats } from '@kubernetes-models/validate';
import { _, Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { compile } from 'json-schema-to-typescript';
import type { CustomResourceDefinition, Schema, TypeMeta } from './crd.ts';
import { schemasIn, typeSchema, validationSchema, withoutTexts } from './schema.ts';

/** A generated file: its path below the folder of generated files, and its text. */
export type GeneratedFile = readonly [path: string, text: string];

/** Generates the TypeScript of one CRD. The output is deterministic. */
export async function generatedFiles(crd: CustomResourceDefinition): Promise<readonly GeneratedFile[]> {
  const { group, names, versions } = crd.spec;
  const [version, ...others] = versions;
  if (version === undefined || others.length > 0) {
    throw new Error(
      `expected one version of ${names.kind}, found ${versions.length}; add support for more in hack/codegen/source.ts`,
    );
  }
  const typeMeta = { apiVersion: `${group}/${version.name}`, kind: names.kind };
  const schema = version.schema.openAPIV3Schema;
  const types = typeSchema(schema, typeMeta);
  const folder = names.kind.replaceAll(/\B[A-Z]/g, '-$&').toLowerCase();
  return [
    [`${folder}/types.ts`, await typesSource(types)],
    [`${folder}/resource.ts`, resourceSource(crd, version.name, schema)],
    [`${folder}/schema.ts`, schemaSource(names.kind, schema)],
    [`${folder}/validate.ts`, validateSource(validationSchema(schema, typeMeta), typeMeta)],
    [`${folder}/model.ts`, modelSource(crd, types)],
  ];
}

/**
 * The interfaces, with only `readonly` members. As in kubernetes-models, the name of the object's interface is its kind with
 * the prefix `I`.
 */
async function typesSource(schema: Schema): Promise<string> {
  // The cast is needed because the compiler's JSONSchema4 type is mutable. It is safe because the API server has checked
  // the other keywords.
  const source = await compile(
    { ...schema, title: `I${schema.title}` } as Parameters<typeof compile>[0],
    '',
    {
      additionalProperties: false,
      bannerComment: '',
      ignoreMinAndMaxItems: true,
      style: { singleQuote: true, printWidth: 110 },
    },
  );
  const member = /^( +)(\w+\??: |\[k: string\]: )/gm;
  return source.replaceAll(member, '$1readonly $2').replaceAll(/: (\w+\[\];)$/gm, ': readonly $1');
}

function resourceSource(crd: CustomResourceDefinition, version: string, schema: Schema): string {
  const { group, names, scope } = crd.spec;
  const { kind, listKind, plural, singular, shortNames = [], categories = [] } = names;
  const name = variableName(kind);
  const resource = {
    group,
    version,
    apiVersion: `${group}/${version}`,
    kind,
    listKind,
    plural,
    singular,
    shortNames,
    categories,
    namespaced: scope === 'Namespaced',
  };
  return [
    `/** How the API server serves the kind ${kind}. */`,
    constant(resourceName(crd), resource),
    '/** The defaults that the API server sets for fields that a spec omits. */',
    constant(`${name}Defaults`, defaultsOf(schema.properties?.['spec'])),
    "/** The values of the API's enums, by type name. */",
    constant(`${name}Enums`, enumsOf(schema)),
  ].join('\n');
}

function schemaSource(kind: string, schema: Schema): string {
  return [
    `/** The schema of ${kind} in its CRD, without the texts that are only for readers. */`,
    constant(`${variableName(kind)}Schema`, withoutTexts(schema)),
  ].join('\n');
}

function variableName(kind: string): string {
  return kind.charAt(0).toLowerCase() + kind.slice(1);
}

/** The plural, with the capitalization of the kind: `imageCredentialBindings`. */
function resourceName({ spec: { names } }: CustomResourceDefinition): string {
  return variableName(names.kind) + names.plural.slice(names.kind.length);
}

function constant(name: string, value: unknown): string {
  return `export const ${name} = ${JSON.stringify(value, undefined, 2)} as const;\n`;
}

function defaultsOf(spec: Schema | undefined): Record<string, unknown> {
  const properties = Object.entries(spec?.properties ?? {});
  return Object.fromEntries(
    properties.filter(([, each]) => each.default !== undefined).map(([name, each]) => [name, each.default]),
  );
}

function enumsOf(schema: Schema): Record<string, unknown> {
  const enums = schemasIn(schema).filter((each) => each.enum !== undefined);
  for (const { title, description } of enums) {
    if (title === undefined)
      throw new Error(
        `expected a title on the enum "${description}"; add one, because its type needs a name`,
      );
  }
  return Object.fromEntries(enums.map((each) => [each.title, each.enum]));
}

/** ajv's validator as an ES module. Each `require` of ajv's runtime becomes an `import` of the kubernetes-models runtime. */
function validateSource(schema: Schema, { kind }: TypeMeta): string {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strictTypes: false,
    unicodeRegExp: false,
    formats,
    code: { source: true, esm: true, lines: true, formats: _`formats` },
  });
  const { imports, code } = asModule(standalone.default(ajv, ajv.compile(schema)));
  const types = code.includes('formats[') ? '{ formats, type ValidateFunc }' : 'type { ValidateFunc }';
  return [
    '// @ts-nocheck',
    `import ${types} from '@kubernetes-models/validate';`,
    ...imports,
    `import type { I${kind} } from './types.ts';`,
    '',
    `/** Whether a value is a valid ${kind}, as far as JSON schema can check it. \`errors\` lists the reasons if it is not. */`,
    code.replace(/^export const validate = /m, `export const validate: ValidateFunc<I${kind}> = `),
  ].join('\n');
}

function asModule(source: string): { readonly imports: readonly string[]; readonly code: string } {
  const runtime = /const (\w+) = require\("ajv\/dist\/runtime\/(\w+)"\)\.default;?/g;
  const imports = [...source.matchAll(runtime)].map(
    ([, name, file]) => `import ${name} from '@kubernetes-models/validate/runtime/${file}';`,
  );
  const code = source
    .replaceAll(runtime, '')
    .replace(/^"use strict";\s*/, '')
    .replace(/^export default \w+;\s*/m, '');
  if (code.includes('require(')) {
    throw new Error('found another require() in the validator; add support for it in hack/codegen/source.ts');
  }
  return { imports, code };
}

function modelSource(crd: CustomResourceDefinition, schema: Schema): string {
  const { kind } = crd.spec.names;
  const resource = resourceName(crd);
  const optional = Object.keys(schema.properties ?? {}).filter(
    (name) => !['apiVersion', 'kind', 'metadata'].includes(name),
  );
  const fields = optional.map((name) => {
    const mark = schema.required?.includes(name) ? '' : '?';
    return `  declare readonly ${name}${mark}: NonNullable<I${kind}['${name}']>;`;
  });
  return `import { createTypeMetaGuard, Model, type ModelData } from '@kubernetes-models/base';
import { assertValid } from '../../validation.ts';
import { ${resource} } from './resource.ts';
import type { I${kind} } from './types.ts';
import { validate } from './validate.ts';

/**
 * ${comment(schema.description)}
 *
 * \`validate()\` checks what JSON schema can express. The API server also sets defaults and enforces more rules.
 */
export class ${kind} extends Model<I${kind}> implements I${kind} {
  static readonly apiVersion = ${resource}.apiVersion;
  static readonly kind = ${resource}.kind;
  /** Whether a value has the apiVersion and kind of ${kind}. Does not check whether it is valid. */
  static readonly is = createTypeMetaGuard<I${kind}>(${resource});
  declare readonly apiVersion: I${kind}['apiVersion'];
  declare readonly kind: I${kind}['kind'];
  declare readonly metadata: I${kind}['metadata'];
${fields.join('\n')}

  constructor(data?: ModelData<I${kind}>) {
    super();
    const { apiVersion, kind } = ${resource};
    // Without data the object is incomplete. Only validate() reports that.
    this.setDefinedProps({ apiVersion, kind, ...data } as I${kind});
  }

  /** @throws ValidationError that lists for each problem what was expected and what was found */
  override validate(): void {
    assertValid(validate, this);
  }
}
`;
}

function comment(text = ''): string {
  return text.replaceAll('*/', '*\\/').split('\n').join('\n * ');
}

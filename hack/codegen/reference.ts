import type { CustomResourceDefinition, Schema } from './crd.ts';

interface Field {
  /** As in `kubectl explain`, but with `[]` after the name of a list. */
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** The Markdown page that describes each field of a CRD. Its text comes from the CRD. */
export function referencePage({ spec: { group, names, versions } }: CustomResourceDefinition): string {
  const sections = versions.flatMap(({ name, schema: { openAPIV3Schema: schema } }) => [
    `# ${names.kind} (\`${group}/${name}\`)`,
    ...text(schema.description),
    `Scope: namespace. Short names: ${(names.shortNames ?? []).map(code).join(', ')}.`,
    ...Object.entries(schema.properties ?? {})
      .filter(([, { properties }]) => properties !== undefined)
      .flatMap(([part, property]) => section(part, property)),
  ]);
  return `${sections.join('\n\n')}\n`;
}

function section(part: string, schema: Schema): readonly string[] {
  const fields = fieldsOf(part, schema);
  const rows = fields.map(
    ({ path, schema: field, required }) =>
      `| ${code(path)} | ${cell([typeOf(field), ...limitsOf(field)].join('; '))} | ${required ? 'yes' : ''} | ${cell(text(field.description).join(''))} |`,
  );
  const rules = [{ path: part, schema }, ...fields].flatMap(({ path, schema: { ...field } }) =>
    (field['x-kubernetes-validations'] ?? []).map(({ message }) => `- ${code(path)}: ${inline(message)}`),
  );
  const ruleList =
    rules.length === 0
      ? []
      : ['The API server refuses invalid values with these messages:', rules.join('\n')];
  return [
    `## ${part}`,
    ...text(schema.description),
    ['| field | type | required | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    ...ruleList,
  ];
}

function fieldsOf(path: string, { properties = {}, required = [], items }: Schema): readonly Field[] {
  const own = Object.entries(properties).flatMap(([name, schema]): readonly Field[] => {
    const inner = `${path}.${name}`;
    return [{ path: inner, schema, required: required.includes(name) }, ...fieldsOf(inner, schema)];
  });
  return items === undefined ? own : [...own, ...fieldsOf(`${path}[]`, items)];
}

function typeOf({ type, format, items, additionalProperties }: Schema): string {
  if (items !== undefined) return `list of ${typeOf(items)}`;
  if (typeof additionalProperties === 'object') return `map of ${typeOf(additionalProperties)}`;
  return format === 'date-time' ? 'time' : String(type);
}

function limitsOf(schema: Schema): readonly string[] {
  const { enum: values, default: preset, maxItems, maxLength } = schema;
  return [
    ...(values === undefined ? [] : [`one of ${values.map((value) => code(String(value))).join(', ')}`]),
    ...(preset === undefined ? [] : [`default ${code(JSON.stringify(preset))}`]),
    ...(maxItems === undefined ? [] : [`at most ${String(maxItems)}`]),
    ...(maxLength === undefined ? [] : [`at most ${String(maxLength)} characters`]),
  ];
}

function text(description: string | undefined): readonly string[] {
  return description === undefined ? [] : [inline(description)];
}

/** The text of a CRD on one line, with `<` escaped so that Markdown does not read it as HTML. */
function inline(value: string): string {
  return value.trim().replaceAll(/\s+/g, ' ').replaceAll('<', '&lt;');
}

function code(value: string): string {
  return `\`${value}\``;
}

function cell(value: string): string {
  return value.replaceAll('|', '\\|');
}

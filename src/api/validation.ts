import type { ValidateFunc } from '@kubernetes-models/validate';
import ValidationError from '@kubernetes-models/validate/runtime/validation_error';

export { ValidationError };

type Fault = NonNullable<ValidateFunc<unknown>['errors']>[number];

const LONGEST_SHOWN = 100;

/**
 * Does nothing if a validator accepts `data`. Replaces `runValidateFunc` of kubernetes-models, whose messages omit the
 * allowed values of an enum, the name of an unknown field, and the value that was found.
 *
 * @param validate made by ajv with `verbose: true`, and with the message of a rule in its `$comment`
 * @throws ValidationError with a message that names all faults, and with ajv's `errors`
 */
export function assertValid<T>(validate: ValidateFunc<T>, data: unknown): asserts data is T {
  if (validate(data)) return;
  const faults = validate.errors ?? [];
  const error = new ValidationError(faults);
  error.message = faults.map((fault) => `${fieldOf(fault)} ${explain(fault)}`).join('\n');
  throw error;
}

/** The field as kubectl writes it: `spec.imagePullSecrets[0].name`. */
function fieldOf({ instancePath }: Fault): string {
  const path = instancePath.replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.');
  return path === '' ? 'the object' : path.slice(1);
}

function explain({ keyword, params, parentSchema, data, message = '' }: Fault): string {
  const rule: unknown = parentSchema?.['$comment'];
  if (typeof rule === 'string') return `is invalid: ${rule}; found ${shown(data)}`;
  switch (keyword) {
    case 'required':
      return message;
    case 'additionalProperties': {
      const fields = Object.keys(parentSchema?.['properties'] ?? {}).join(', ');
      return `has no field ${shown(params['additionalProperty'])}; expected only ${fields}`;
    }
    case 'enum':
      return `must be one of ${params['allowedValues'].join(', ')}; found ${shown(data)}`;
    case 'const':
      return `must be ${params['allowedValue']}; found ${shown(data)}`;
    default:
      return `${message}; found ${shown(data)}`;
  }
}

function shown(data: unknown): string {
  const text = JSON.stringify(data) ?? String(data);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

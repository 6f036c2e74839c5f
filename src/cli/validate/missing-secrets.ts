import type { ValidBinding } from '../../binding/index.ts';
import { quoted } from '../../text/index.ts';
import { meantSecrets, missingSecret } from '../explain/index.ts';
import type { Severity } from './finding.ts';
import type { Namespace } from './namespace.ts';

/** Limit on the namespaces in a message. */
const MOST_PLACES = 5;

/** What is reported about an object: a finding without the object. */
export interface Note {
  readonly severity: Severity;
  readonly message: string;
}

/**
 * What to report about a Secret that a binding names and that is not in the files. Another tool may create it in the
 * cluster, so that is normal. But if the files contain a Secret whose name is nearly the same, the name is probably wrong.
 */
export function missingSecretNote(
  binding: ValidBinding,
  name: string,
  { inventory, generated, elsewhere, missingSecrets }: Namespace,
): Note {
  const from = generated.get(name);
  if (from !== undefined) {
    const message = `the content of the Secret ${quoted(name)} is not in the files, because it comes from ${from}`;
    return { severity: 'info', message };
  }
  const existing = [...inventory.states.keys(), ...generated.keys()];
  const meant = meantSecrets(name, existing).filter((other) => !isOfSameSeries(other, name));
  if (meant.length > 0)
    return { severity: missingSecrets ?? 'error', message: missingSecret(binding, name, existing) };
  const others = elsewhere(name);
  const hint =
    others.length === 0
      ? ''
      : `; there is one in ${places(others)}, but a binding uses only Secrets of its own namespace`;
  return {
    severity: missingSecrets ?? 'warning',
    message:
      `the binding ${quoted(binding.name)} names the Secret ${quoted(name)}, which is not in the files, so its credential ` +
      `is not validated; correct the name, unless another tool creates the Secret${hint}`,
  };
}

/** Names such as `registry-1` and `registry-2`, which differ on purpose. */
function isOfSameSeries(one: string, other: string): boolean {
  const withoutNumbers = (name: string) => name.replaceAll(/[0-9]+/g, '0');
  return one !== other && /[0-9]/.test(one) && withoutNumbers(one) === withoutNumbers(other);
}

/** A list for a message. */
function places(namespaces: readonly string[]): string {
  const more = namespaces.length - MOST_PLACES;
  return [...namespaces.slice(0, MOST_PLACES).map(placeOf), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function placeOf(namespace: string): string {
  return namespace === '' ? 'a file without a namespace' : `the namespace ${quoted(namespace)}`;
}

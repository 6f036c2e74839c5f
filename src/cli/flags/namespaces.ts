import { InvalidArgumentError, Option } from 'commander';
import type { ManagerSettings } from '../../manager/index.ts';
import { DNS_LABEL } from '../../object/index.ts';

/** Limit on the namespaces, because each needs seven or eight watches with one connection each. Use a ClusterRole for more. */
const MAX_NAMESPACES = 100;

/** The flag that names the namespaces that the controller watches. */
export function namespacesFlag(): Option {
  return new Option(
    '--namespaces <names>',
    `namespaces to watch, separated by commas, at most ${MAX_NAMESPACES}; the controller then needs a Role in each instead of a ClusterRole`,
  )
    .env('ICB_NAMESPACES')
    .argParser(parse)
    .default('all', 'all');
}

function parse(text: string): ManagerSettings['namespaces'] {
  if (text.trim() === '') return 'all';
  const [first = '', ...others] = text.split(',').map((name) => name.trim());
  const names = [first, ...others] as const;
  const wrong = names.find((name) => !DNS_LABEL.test(name));
  if (wrong !== undefined) {
    throw new InvalidArgumentError(
      `Expected namespaces (at most 63 lower-case letters, digits and "-"), separated by commas; found "${wrong}".`,
    );
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new InvalidArgumentError(`Expected each namespace once; found "${twice}" twice.`);
  if (names.length > MAX_NAMESPACES) {
    throw new InvalidArgumentError(
      `Expected at most ${MAX_NAMESPACES} namespaces; found ${names.length}. Omit the flag, and grant a ClusterRole.`,
    );
  }
  return names;
}

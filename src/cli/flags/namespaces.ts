import { InvalidArgumentError, Option } from 'commander';
import type { ManagerSettings } from '../../manager/index.ts';
import { DNS_LABEL } from '../../object/index.ts';

/** Limit on the namespaces. Each needs seven or eight watches, each with a connection. A ClusterRole suits more. */
const MOST = 100;

/** The flag that names the namespaces in which the controller works. */
export function namespacesFlag(): Option {
  return new Option(
    '--namespaces <names>',
    `namespaces to work in, separated by commas, at most ${MOST}; it takes a Role in each of them, and no ClusterRole`,
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
  if (names.length > MOST) {
    throw new InvalidArgumentError(
      `Expected at most ${MOST} namespaces; found ${names.length}. Leave it out and grant a ClusterRole.`,
    );
  }
  return names;
}

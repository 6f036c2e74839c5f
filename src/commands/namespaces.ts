import { InvalidArgumentError, Option } from 'commander';
import type { ControllerSettings } from '../controller.ts';

/** The name of a namespace (RFC 1123, DNS label). */
export const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** Each costs seven or eight watches, and as many connections: beyond this a ClusterRole is what is wanted. */
const MOST = 100;

/** The flag that says where everything happens. */
export function namespacesFlag(): Option {
  return new Option(
    '--namespaces <names>',
    `namespaces to work in, separated by commas, at most ${MOST}; it takes a Role in each of them, and no ClusterRole`,
  )
    .env('ICB_NAMESPACES')
    .argParser(parse)
    .default('all', 'all');
}

function parse(text: string): ControllerSettings['namespaces'] {
  if (text.trim() === '') return 'all';
  const [first = '', ...others] = text.split(',').map((name) => name.trim());
  const names = [first, ...others] as const;
  const wrong = names.find((name) => !NAMESPACE.test(name));
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

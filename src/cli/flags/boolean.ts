import { InvalidArgumentError } from 'commander';

/** Parses the value of a flag that may have one. */
export function parseBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Expected true or false.');
  return text === 'true';
}

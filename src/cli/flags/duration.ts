import { InvalidArgumentError } from 'commander';
import { parseGoDuration } from '../../scan/index.ts';

/** Milliseconds of a flag's Go duration. */
export function parseDuration(text: string): number {
  const milliseconds = parseGoDuration(text);
  if (milliseconds === undefined)
    throw new InvalidArgumentError('Expected a duration such as 90s, 10m or 1h30m.');
  return milliseconds;
}

import { InvalidArgumentError } from 'commander';
import { parseGoDuration } from '../../scan/index.ts';

/** Parses the value of a flag that is a Go duration, such as `1h30m`. Returns milliseconds. */
export function parseDuration(text: string): number {
  const milliseconds = parseGoDuration(text);
  if (milliseconds === undefined)
    throw new InvalidArgumentError('Expected a duration such as 90s, 10m or 1h30m.');
  return milliseconds;
}

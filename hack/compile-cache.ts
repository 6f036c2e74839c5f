import { join } from 'node:path';

/**
 * For the environment of programs that run from source, which takes half a second of CPU without it, half of that
 * with it: where Node keeps what it has compiled (https://nodejs.org/api/module.html#module-compile-cache). It goes with
 * the packages.
 */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/node'),
} as const;

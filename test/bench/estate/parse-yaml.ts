/** Only reads the files of a folder as YAML: `node test/bench/estate/parse-yaml.ts FOLDER`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';

/** @returns the number of documents in the files of a folder */
export function parse(folder: string): number {
  return readdirSync(folder).reduce(
    (sum, file) => sum + loadAll(readFileSync(join(folder, file), 'utf8')).length,
    0,
  );
}

const [, , folder] = process.argv;
if (import.meta.main && folder !== undefined) process.stdout.write(`${parse(folder)}\n`);

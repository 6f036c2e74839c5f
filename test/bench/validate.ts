/**
 * Prints how long `validate` takes for folders of 1,000 manifests, compared with parsing the same files as YAML:
 * `npm run bench -- validate`. Figures depend on this machine and its current load. Compare them only within one run.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { builtProgram } from '../../hack/testenv/program.ts';
import { readManifests } from '../../src/cli/inventory/files/manifests.ts';
import { validate } from '../../src/cli/validate/validation.ts';
import { binding, pullSecret, scheduledScan } from '../support/explain.ts';
import { parse } from './estate/parse-yaml.ts';

const MANIFESTS = 1_000;
const ROUNDS = 9;
const SETTINGS = { namespace: undefined, missingSecrets: undefined };
const READER = join(import.meta.dirname, 'estate/parse-yaml.ts');
const program = await builtProgram();
const folder = mkdtempSync(join(tmpdir(), 'validate-'));

try {
  for (const namespaces of [1, 10, 100]) {
    const files = join(folder, String(namespaces));
    writeManifests(files, namespaces);
    const { findings, counts } = await validated(files);
    const objects = [...counts.values()].reduce((sum, count) => sum + count, 0);
    if (findings.length > 0 || objects !== MANIFESTS)
      throw new Error(`${objects} objects, ${findings.length} findings`);
    await compare(files, `${MANIFESTS} manifests in ${namespaces} namespaces`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function compare(files: string, what: string): Promise<void> {
  const runs = { parse: () => void parse(files), validate: () => validated(files) };
  const programs = {
    parse: () => run(READER, files),
    validate: () => run(program, 'validate', '--filename', files),
  };
  process.stdout.write(
    `${what}\n  as programs: ${await ratio(programs)}\n  in a warm process: ${await ratio(runs)}\n`,
  );
}

/** Alternates the two, so that other load affects both. */
async function ratio({
  parse,
  validate,
}: Readonly<Record<'parse' | 'validate', () => unknown>>): Promise<string> {
  const [parsing, validating]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    parsing.push(await milliseconds(parse));
    validating.push(await milliseconds(validate));
  }
  const [parsed, took] = [median(parsing), median(validating)];
  return `validate ${took.toFixed(0)} ms, parsing as YAML ${parsed.toFixed(0)} ms (${(took / parsed).toFixed(2)} times)`;
}

function run(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** A third each of Secrets, bindings and ScheduledScans, each in its own file, as they are written by hand. */
function writeManifests(files: string, namespaces: number): void {
  mkdirSync(files);
  for (let index = 0; index < MANIFESTS; index += 1) {
    const number = Math.floor(index / 3);
    const name = `app-${number}`;
    const image = `registry.example.org/team-${number % 7}/${name}`;
    const metadata = { namespace: `team-${number % namespaces}`, labels: { 'app.kubernetes.io/name': name } };
    const login = { 'registry.example.org': { username: 'reader', password: 'made-up' } };
    const object = [
      pullSecret(`pull-${name}-${number * 7919}`, login, metadata),
      binding(name, { image, imagePullSecrets: [{ name: `pull-${name}-${number * 7919}` }] }, metadata),
      scheduledScan(name, [`${image}:1.0.${number}`], metadata),
    ][index % 3];
    writeFileSync(join(files, `${index}.yaml`), dump(object));
  }
}

async function validated(files: string) {
  return validate(await readManifests([files], false), SETTINGS);
}

async function milliseconds(action: () => unknown): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

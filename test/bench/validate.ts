/**
 * Prints how long `validate` takes for folders of 1,000 manifests, compared with parsing the same files as YAML, and
 * with reading them as `validate` does, which checks what a strict `kubectl apply` refuses:
 * `npm run bench -- validate`. Figures depend on this machine and its current load. Compare them only within one run.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
const SETTINGS = { namespace: undefined, missingSecrets: undefined, delivery: 'Shared' } as const;
const READER = join(import.meta.dirname, 'estate/parse-yaml.ts');
const program = await builtProgram();
const folder = mkdtempSync(join(tmpdir(), 'validate-'));

try {
  await measure('of which a third each are Secrets, bindings and ScheduledScans, in 1 namespace', 1, 1);
  await measure('of which a third each are Secrets, bindings and ScheduledScans, in 100 namespaces', 100, 1);
  await measure(
    'of which 300 are Secrets, bindings and ScheduledScans, and 700 Deployments, in 10 namespaces',
    10,
    0.3,
  );
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(what: string, namespaces: number, share: number): Promise<void> {
  const files = mkdtempSync(join(folder, 'manifests-'));
  writeManifests(files, namespaces, share);
  const { findings, counts } = await validated(files);
  const objects = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (findings.length > 0 || objects !== MANIFESTS * share)
    throw new Error(`${objects} objects, ${findings.length} findings`);
  await compare(files, `${MANIFESTS} manifests, ${what}`);
}

async function compare(files: string, what: string): Promise<void> {
  const runs = { parse: () => void parse(files), validate: () => validated(files) };
  const reading = { parse: () => readManifests([files], false), validate: () => validated(files) };
  const programs = {
    parse: () => run(READER, files),
    validate: () => run(program, 'validate', '--filename', files),
  };
  process.stdout.write(
    `${what}\n  as programs: ${await ratio(programs)}\n  in a warm process: ${await ratio(runs)}\n` +
      `  in a warm process, with "parsing" as the reader of validate: ${await ratio(reading)}\n`,
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

/** @param share - of the manifests that are Secrets, bindings and ScheduledScans; the others are Deployments */
function writeManifests(files: string, namespaces: number, share: number): void {
  for (let index = 0; index < MANIFESTS; index += 1) {
    const number = Math.floor(index / 3);
    const object = index < MANIFESTS * share ? objectsOf(number, namespaces)[index % 3] : deployment(index);
    writeFileSync(join(files, `${index}.yaml`), dump(object));
  }
}

function objectsOf(number: number, namespaces: number): readonly object[] {
  const name = `app-${number}`;
  const secret = `pull-${name}-${number * 7919}`;
  const image = `registry.example.org/team-${number % 7}/${name}`;
  const metadata = { namespace: `team-${number % namespaces}`, labels: { 'app.kubernetes.io/name': name } };
  return [
    pullSecret(secret, { 'registry.example.org': { username: 'reader', password: 'made-up' } }, metadata),
    binding(name, { image, imagePullSecrets: [{ name: secret }] }, metadata),
    scheduledScan(name, [`${image}:1.0.${number}`], metadata),
  ];
}

/** About as large as those that people write. */
function deployment(number: number): object {
  const labels = { 'app.kubernetes.io/name': `app-${number}`, 'app.kubernetes.io/part-of': 'shop' };
  const probe = { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 10, failureThreshold: 3 };
  const container = {
    ...{
      name: 'app',
      image: `registry.example.org/team/app-${number}:1.0.0`,
      imagePullPolicy: 'IfNotPresent',
    },
    ports: [{ name: 'http', containerPort: 8080 }],
    env: ['LOG_LEVEL', 'DATABASE', 'CACHE', 'QUEUE'].map((name) => ({ name, value: `value-${number}` })),
    ...{ livenessProbe: probe, readinessProbe: probe },
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  const template = { metadata: { labels }, spec: { serviceAccountName: 'app', containers: [container] } };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: `app-${number}`, labels } },
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  };
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

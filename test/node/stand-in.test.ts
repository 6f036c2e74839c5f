import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import {
  SCAN_TYPES,
  SCANS,
  type SecureCodeBox,
  scanType,
  secureCodeBoxAccess,
  startSecureCodeBox,
} from '../../hack/testenv/securecodebox/index.ts';
import type { ScanSpec, ScanType } from '../../hack/testenv/securecodebox/objects.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';
import { amount } from '../support/amount.ts';
import { SECRETS, type TestNamespace } from '../support/cluster/cluster.ts';
import { log, type NodeCluster, WORKLOAD_IMAGE } from '../support/node.ts';
import { seed } from '../support/seed.ts';
import { environment, skip } from './environment.ts';
import { runScanner } from './scanner-pod.ts';

/** Number of random Scans. None by default: `npm run test:full` compares 100. */
const RANDOM_SCANS = amount(0, 100);
/** Scans that run at the same time. */
const BATCH = 6;

const RESULT = '/home/securecodebox/trivy-results.json';
const SCAN_TYPE = 'trivy-image-report';

type Parts = Pick<ScanSpec, 'env' | 'volumes' | 'volumeMounts'> & { readonly parameters?: readonly string[] };

/** What the program in a container reports: hack/testenv/tools/runc/workload/main.go. */
interface Report {
  readonly arguments: readonly string[];
  /** `NAME=value`, sorted. */
  readonly environment: readonly string[];
  readonly files: readonly {
    readonly path: string;
    readonly permissions: string;
    readonly content: string;
  }[];
}

const from = (name: string, key: string, optional = false) => ({
  valueFrom: { secretKeyRef: { name, key, optional } },
});
const secret = (secretName: string, more: object = {}) => ({ secret: { secretName, ...more } });

/** The environment that the ScanType sets. */
const TYPE_ENV = [
  { name: 'FROM_TYPE', value: 'type' },
  { name: 'BOTH', value: 'type' },
];

const TABLE: Readonly<Record<string, Parts>> = {
  'nothing of its own': {},
  'a variable that the ScanType sets, too': { env: [{ name: 'BOTH', value: 'scan' }] },
  'the same variable twice': {
    env: [
      { name: 'A', value: 'one' },
      { name: 'A', value: 'two' },
    ],
  },
  'variables that refer to others': {
    env: [
      { name: 'A', value: 'one' },
      { name: 'B', value: '$(A)/$(FROM_TYPE)/$(LATER)/$$(A)/$$$(A)/$' },
      { name: 'LATER', value: '2' },
    ],
    parameters: ['--flag=$(A)', '$(B)', '$(NONE)', '$$(A)'],
  },
  'values of Secrets, which are not expanded': {
    env: [
      { name: 'A', ...from('first', 'plain') },
      { name: 'B', ...from('first', 'odd') },
      { name: 'C', value: '$(B)' },
    ],
  },
  'an optional reference to a key that does not exist, after another value': {
    env: [
      { name: 'A', value: 'earlier' },
      { name: 'A', ...from('first', 'none', true) },
      { name: 'B', ...from('none', 'none', true) },
      { name: 'C', value: '$(B)' },
    ],
  },
  'a Secret volume': {
    volumes: [{ name: 'v', ...secret('first') }],
    volumeMounts: [{ name: 'v', mountPath: '/credentials' }],
    parameters: ['/credentials'],
  },
  'a variable with the path of a volume': {
    env: [
      { name: 'DOCKER_CONFIG', value: '/credentials' },
      { name: 'OTHER', value: 'reg.example/credentials/app' },
    ],
    volumes: [{ name: 'v', ...secret('first', { defaultMode: 0o440 }) }],
    volumeMounts: [{ name: 'v', mountPath: '/credentials' }],
    parameters: ['/credentials', '--file=/credentials/plain', '/credentials-2'],
  },
  'items with paths and modes of their own': {
    volumes: [
      {
        name: 'v',
        ...secret('first', {
          defaultMode: 0o404,
          items: [
            { key: 'plain', path: 'deep/down/plain' },
            { key: 'odd', path: 'odd', mode: 0o400 },
            { key: 'binary', path: 'deep/binary', mode: 0o777 },
          ],
        }),
      },
    ],
    volumeMounts: [{ name: 'v', mountPath: '/credentials/' }],
    parameters: ['/credentials'],
  },
  'optional Secrets and keys that do not exist': {
    volumes: [
      { name: 'v', ...secret('none', { optional: true }) },
      { name: 'w', ...secret('first', { optional: true, items: [{ key: 'none', path: 'none' }] }) },
    ],
    volumeMounts: [
      { name: 'v', mountPath: '/v' },
      { name: 'w', mountPath: '/w' },
    ],
    parameters: ['/v', '/w'],
  },
  'a mount of a part of a volume': {
    volumes: [{ name: 'v', ...secret('first', { items: [{ key: 'plain', path: 'a/plain' }] }) }],
    volumeMounts: [{ name: 'v', mountPath: '/part', subPath: 'a' }],
    parameters: ['/part'],
  },
  'a mount inside another': {
    volumes: [
      { name: 'v', ...secret('first') },
      { name: 'w', emptyDir: {} },
    ],
    volumeMounts: [
      { name: 'w', mountPath: '/outer' },
      { name: 'v', mountPath: '/outer/inner' },
    ],
    parameters: ['/outer/inner', '/outer/inner/plain'],
  },
};

describe('the stand-in for secureCodeBox and the kubelet run the same Scan with the same', { skip }, () => {
  let shared: NodeCluster;
  let namespace: TestNamespace;
  let secureCodeBox: SecureCodeBox;
  let type: ScanType;

  before(async () => {
    shared = await environment();
    const { cluster } = shared;
    namespace = await cluster.namespace();
    const access = secureCodeBoxAccess(namespace.name).map((object) => JSON.stringify(object));
    await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input: access.join('\n') });
    const account = { namespace: namespace.name, name: 'securecodebox-operator' };
    const { workload } = await tools(['workload'], log);
    secureCodeBox = await startSecureCodeBox({
      kubeconfig: await cluster.controlPlane.kubeconfigFor(account),
      programs: { '/program': workload },
      log: pino({ level: 'silent' }),
    });
    type = scanType(namespace.name, {
      name: SCAN_TYPE,
      command: ['/program', 'report', RESULT],
      env: TYPE_ENV,
    });
    await namespace.put(SCAN_TYPES, { ...type });
    const data = { plain: btoa('value'), odd: btoa(' a $(A) "b"\n,c '), binary: btoa('\xff\x00\xfe') };
    await namespace.put(SECRETS, { metadata: { name: 'first' }, data });
    await namespace.put(SECRETS, { metadata: { name: 'second' }, data: { plain: btoa('other') } });
  });
  after(() => secureCodeBox?.stop());

  /** What the two report, in comparable form. */
  async function both(name: string, parts: Parts): Promise<readonly [Report, Report]> {
    const spec = { scanType: SCAN_TYPE, parameters: [], ...parts };
    await namespace.put(SCANS, { metadata: { name }, spec });
    const [ours, kubelets] = await Promise.all([
      secureCodeBox.run(namespace.name, name),
      runScanner(shared, { namespace: namespace.name, name, scanType: type, spec, image: WORKLOAD_IMAGE }),
    ]);
    assert.equal(ours.state, 'Done', ours.log);
    assert.equal(kubelets.exitCode, 0, kubelets.log);
    const names = new Set([...TYPE_ENV, ...(parts.env ?? [])].map((entry) => entry.name));
    return [
      standIns(ours.results as Report, names, parts.volumeMounts ?? []),
      kubeletsOwn(kubelets.results as Report, names),
    ];
  }

  it('environment, files, permissions and command, for a table of Scans', async () => {
    const rows = Object.entries(TABLE).map(([title, parts], index) => ({
      name: `table-${index}`,
      title,
      parts,
    }));
    await inBatches(rows, async ({ name, title, parts }) => {
      const [ours, kubelets] = await both(name, parts);
      assert.deepEqual(ours, kubelets, title);
    });
  });

  if (RANDOM_SCANS > 0) {
    it(`environment, files, permissions and command, for ${RANDOM_SCANS} random Scans`, async () => {
      const sample = fc.sample(scans, { seed, numRuns: RANDOM_SCANS });
      await inBatches(
        sample.map((parts, index) => ({ name: `random-${index}`, parts })),
        async ({ name, parts }) => {
          const [ours, kubelets] = await both(name, parts);
          assert.deepEqual(ours, kubelets, `ICB_TEST_SEED=${seed}: ${JSON.stringify(parts)}`);
        },
      );
    });
  }
});

async function inBatches<Item>(items: readonly Item[], run: (item: Item) => Promise<void>): Promise<void> {
  for (let index = 0; index < items.length; index += BATCH)
    await Promise.all(items.slice(index, index + BATCH).map(run));
}

/**
 * The kubelet's report: only the variables that the Scan or the ScanType sets, and what others may do with a file. The first
 * argument is the program, which has another path in the stand-in.
 */
function kubeletsOwn({ arguments: args, environment: variables, files }: Report, names: Set<string>): Report {
  const allowed = /^(?:HOSTNAME|HOME|PATH|KUBERNETES_\w+)=/;
  return {
    arguments: args.slice(1),
    environment: chosen(variables, names, allowed),
    files: eachOnce(files).map((file) => comparable(file, Number.parseInt(file.permissions, 8) & 7)),
  };
}

/** The stand-in's report, with the paths of a container instead of paths of this machine. The owner runs the program. */
function standIns(
  { arguments: args, environment: variables, files }: Report,
  names: Set<string>,
  mounts: NonNullable<ScanSpec['volumeMounts']>,
): Report {
  const directory = args[2]?.replace(/\/scan-results\/[^/]+$/, '') ?? '';
  const folders = [...mounts, { name: 'scan-results', mountPath: '/home/securecodebox' }]
    .map(({ name, mountPath, subPath }) => ({
      folder: [directory, name, ...(subPath ? [subPath] : [])].join('/'),
      mountPath: mountPath.replace(/\/$/, ''),
    }))
    .toSorted((a, b) => b.folder.length - a.folder.length);
  const restore = (text: string): string =>
    folders.reduce((all, { folder, mountPath }) => all.replaceAll(folder, mountPath), text);
  return {
    arguments: args.slice(1).map(restore),
    environment: chosen(variables, names, /^(?:HOME|TMPDIR|TRIVY_CACHE_DIR)=/).map(restore),
    files: eachOnce(files).map((file) =>
      comparable({ ...file, path: restore(file.path) }, (Number.parseInt(file.permissions, 8) >> 6) & 7),
    ),
  };
}

/** Only a container has the folders above a mount. There, a parameter that names one lists the files of the mount again. */
function eachOnce(files: Report['files']): Report['files'] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

/** The variables with these names. All others must be allowed ones. */
function chosen(variables: readonly string[], names: Set<string>, allowed: RegExp): readonly string[] {
  const [ours, others] = [true, false].map((wanted) =>
    variables.filter((text) => names.has(text.slice(0, text.indexOf('='))) === wanted),
  );
  assert.deepEqual(
    others?.filter((text) => !allowed.test(text)),
    [],
  );
  return ours ?? [];
}

/** Root reads every file, so the content counts only if the permissions let the program read it. */
function comparable(file: Report['files'][number], permissions: number): Report['files'][number] {
  const content = (permissions & 4) === 0 ? '' : file.content;
  return { path: file.path, permissions: String(permissions), content };
}

const names = fc.constantFrom('A', 'B', 'BOTH', 'FROM_TYPE', 'TRIVY_USERNAME');
const texts = fc
  .array(fc.constantFrom('a', '$', '$$', '$(A)', '$(B)', '$(', ')', ' ', '/v0', '/v0/plain', ',', '"'), {
    maxLength: 5,
  })
  .map((parts) => parts.join(''));
const references = fc
  .tuple(fc.constantFrom('first', 'second', 'none'), fc.constantFrom('plain', 'odd', 'none'))
  .map(([name, key]) => from(name, key, true));
const entries = fc
  .tuple(
    names,
    fc.oneof(
      texts.map((value) => ({ value })),
      references,
    ),
  )
  .map(([name, value]) => ({ name, ...value }));
const modes = fc.constantFrom(0o400, 0o440, 0o444, 0o644, 0o604, 0o755);
const items = fc.uniqueArray(
  fc.record(
    {
      key: fc.constantFrom('plain', 'odd', 'binary', 'none'),
      path: fc.constantFrom('a', 'b', 'c/a', 'c/d/e'),
      mode: modes,
    },
    { requiredKeys: ['key', 'path'] },
  ),
  { selector: ({ path }) => path, minLength: 1, maxLength: 3 },
);
const secretVolumes = fc.record(
  {
    secretName: fc.constantFrom('first', 'second', 'none'),
    defaultMode: modes,
    items,
    optional: fc.constant(true),
  },
  { requiredKeys: ['secretName', 'optional'] },
);
const mounted = fc.array(
  fc.record({
    volume: fc.oneof(
      secretVolumes.map((volume) => ({ secret: volume })),
      fc.constant({ emptyDir: {} }),
    ),
    subPath: fc.constantFrom(undefined, undefined, 'c'),
    folder: fc.constantFrom('', '/deep', '/deep/er'),
  }),
  { maxLength: 3 },
);
/** The Scan's own parts of a random Scan. It mounts each of its volumes once. */
const scans: fc.Arbitrary<Parts> = fc
  .tuple(fc.array(entries, { maxLength: 5 }), mounted, fc.array(texts, { maxLength: 3 }))
  .map(([env, volumes, parameters]) => {
    const paths = volumes.map(({ folder }, index) => `/v${index}${folder}`);
    return {
      env,
      volumes: volumes.map(({ volume }, index) => ({ name: `v${index}`, ...volume })),
      volumeMounts: volumes.map(({ subPath }, index) => ({
        name: `v${index}`,
        mountPath: paths[index] ?? '',
        ...(subPath === undefined ? {} : { subPath }),
      })),
      parameters: [...paths, ...parameters],
    };
  });

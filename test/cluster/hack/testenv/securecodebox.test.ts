import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import {
  type ControlPlane,
  startControlPlane,
} from '../../../../hack/testenv/control-plane/control-plane.ts';
import { isRunning } from '../../../../hack/testenv/processes/process-group.ts';
import { FIXTURE_CRDS } from '../../../../hack/testenv/securecodebox/crds.ts';
import {
  SCAN_TYPES,
  SCANS,
  SCHEDULED_SCANS,
  type Scan,
  type ScanRun,
  type ScheduledScan,
  type SecureCodeBox,
  scanType,
  secureCodeBoxAccess,
  secureCodeBoxCrds,
  startSecureCodeBox,
} from '../../../../hack/testenv/securecodebox/index.ts';
import { CONFIG_MAPS, type ScanSpec, SECRETS } from '../../../../hack/testenv/securecodebox/objects.ts';
import { StatusWriter } from '../../../../hack/testenv/securecodebox/status.ts';
import { KubeClient } from '../../../../src/kube/client/client.ts';
import { Transport } from '../../../../src/kube/client/transport.ts';
import type { KubeObject } from '../../../../src/object/object.ts';
import { until } from '../../../support/until.ts';

const NAMESPACE = 'default';
const LONG_AGO = '2001-01-01T00:00:00Z';
const silent = pino({ level: 'silent' });

/** A scanner that writes its environment, and the files in the folders of its arguments, to its result file. */
const REPORT = `
const { readdirSync, readFileSync, writeFileSync } = require('node:fs');
const args = process.argv.slice(1);
const files = args.flatMap((folder) => readdirSync(folder).map((file) => [file, readFileSync(folder + '/' + file, 'utf8')]));
writeFileSync('/home/securecodebox/trivy-results.json', JSON.stringify({ env: process.env, files }));
`;

/** A scanner that writes its process ID to a file and does not exit. */
const STAY = `
require('node:fs').writeFileSync(process.argv[1], String(process.pid));
setInterval(() => {}, 1000);
`;

interface Report {
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly (readonly [name: string, text: string])[];
}

let cluster: ControlPlane;
let transport: Transport;
let client: KubeClient;
let kubeconfig: string;
let directory: string;

before(async () => {
  cluster = await startControlPlane({ log: (line) => process.stderr.write(`${line}\n`) });
  await cluster.installCrds(secureCodeBoxCrds());
  await cluster.kubectl(['apply', '-f', '-'], {
    input: secureCodeBoxAccess(NAMESPACE)
      .map((object) => JSON.stringify(object))
      .join('\n---\n'),
  });
  kubeconfig = await cluster.kubeconfigFor({ namespace: NAMESPACE, name: 'securecodebox-operator' });
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  transport = new Transport(config);
  client = new KubeClient({ transport, fieldManager: 'test' });
  directory = await mkdtemp(join(tmpdir(), 'securecodebox-test-'));
  const command = (name: string, code: string) =>
    scanType(NAMESPACE, { name, command: ['node', '-e', code] });
  for (const type of [
    command('succeeds', ''),
    command('succeeds-too', '0'),
    command('fails', 'console.error("cannot pull"); process.exit(3)'),
    command('reports', REPORT),
    command(
      'reveals',
      'console.error(process.env.SECRET, Buffer.from(process.env.SECRET).toString("base64"))',
    ),
    command('stays', STAY),
    scanType(NAMESPACE, { name: 'unknown-program', command: ['nmap'] }),
  ]) {
    await client.create(SCAN_TYPES, type);
  }
});

after(async () => {
  await transport?.close();
  await cluster?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function start(
  options: Partial<Parameters<typeof startSecureCodeBox>[0]> = {},
): Promise<SecureCodeBox> {
  return startSecureCodeBox({
    kubeconfig,
    programs: { node: process.execPath },
    log: silent,
    directory,
    ...options,
  });
}

type ScheduledScanSpec = Omit<ScheduledScan['spec'], 'scanSpec'> & Partial<ScanSpec>;

async function createScheduledScan(name: string, spec: ScheduledScanSpec, meta: object = {}): Promise<void> {
  const { interval, schedule, suspend, retriggerOnScanTypeChange, concurrencyPolicy, ...scan } = spec;
  const object = {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'ScheduledScan',
    metadata: { name, namespace: NAMESPACE, ...meta },
    spec: {
      interval,
      schedule,
      suspend,
      retriggerOnScanTypeChange,
      concurrencyPolicy,
      scanSpec: { scanType: 'succeeds', parameters: [], ...scan },
    },
  };
  await client.create(SCHEDULED_SCANS, object);
}

async function createScan(name: string, spec: Partial<ScanSpec>, meta: object = {}): Promise<void> {
  const scan = {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'Scan',
    metadata: { name, namespace: NAMESPACE, ...meta },
    spec: { scanType: 'reports', parameters: [], ...spec },
  };
  await client.create(SCANS, scan);
}

async function createSecret(name: string, stringData: Readonly<Record<string, string>>): Promise<void> {
  const secret: KubeObject & Readonly<Record<string, unknown>> = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: NAMESPACE },
    stringData,
  };
  await client.create(SECRETS, secret);
}

async function scheduledScan(name: string): Promise<ScheduledScan> {
  return (await client.get(SCHEDULED_SCANS, { namespace: NAMESPACE, name })) as ScheduledScan;
}

async function scan(name: string): Promise<Scan> {
  return (await client.get(SCANS, { namespace: NAMESPACE, name })) as Scan;
}

async function scansOf(name: string): Promise<readonly KubeObject[]> {
  const { items } = await client.list(SCANS, { namespace: NAMESPACE });
  return items.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.name === name));
}

async function write(name: string, change: (before: ScheduledScan) => ScheduledScan): Promise<void> {
  await client.replace(SCHEDULED_SCANS, change(await scheduledScan(name)));
}

async function writeLastScheduleTime(name: string, lastScheduleTime: string): Promise<void> {
  const before = await scheduledScan(name);
  const status = { ...before.status, lastScheduleTime };
  await new StatusWriter(transport, 'test').replace(SCHEDULED_SCANS, { ...before, status });
}

const labelled = (before: ScheduledScan): ScheduledScan => ({
  ...before,
  metadata: { ...before.metadata, labels: { ...before.metadata.labels, written: 'yes' } },
});

function reportOf(run: ScanRun): Report {
  assert.equal(run.state, 'Done', run.log);
  return run.results as Report;
}

describe('the CRDs of the fixture', () => {
  it('are accepted by the API server', async () => {
    await cluster.kubectl([
      'apply',
      '--server-side',
      '--force-conflicts',
      '--dry-run=server',
      '-f',
      FIXTURE_CRDS,
    ]);
  });
});

describe('a ScheduledScan with a Scan that has not ended', () => {
  /** Makes a run due. The Scan that has not ended is called `<name>-hangs`. */
  async function createDue(name: string, spec: Pick<ScheduledScanSpec, 'concurrencyPolicy'>): Promise<void> {
    await createScheduledScan(name, { interval: '12h', suspend: true, ...spec });
    const { uid } = (await scheduledScan(name)).metadata;
    const owner = { apiVersion: 'execution.securecodebox.io/v1', kind: 'ScheduledScan', name, uid };
    await createScan(`${name}-hangs`, { suspend: true }, { ownerReferences: [owner] });
    await write(name, (before) => ({ ...before, spec: { ...before.spec, suspend: false } }));
  }
  const namesOf = async (name: string) => (await scansOf(name)).map(({ metadata }) => metadata.name);

  it('runs beside it if its concurrency policy is Allow or not set', async () => {
    await using secureCodeBox = await start();
    for (const [name, spec] of [
      ['policy-allow', { concurrencyPolicy: 'Allow' }],
      ['policy-default', {}],
    ] as const) {
      const next = secureCodeBox.nextRun(NAMESPACE, name);
      await createDue(name, spec);
      assert.equal((await next).state, 'Done');
      assert.deepEqual((await namesOf(name)).toSorted(), [(await next).scan, `${name}-hangs`]);
    }
  });

  it('runs once that Scan has ended if its concurrency policy is Forbid', async () => {
    await using secureCodeBox = await start();
    const next = secureCodeBox.nextRun(NAMESPACE, 'policy-forbid');
    await createDue('policy-forbid', { concurrencyPolicy: 'Forbid' });
    const beside = secureCodeBox.nextRun(NAMESPACE, 'policy-beside');
    await createScheduledScan('policy-beside', { interval: '12h' });
    await beside;
    assert.deepEqual(await namesOf('policy-forbid'), ['policy-forbid-hangs']);
    const place = { namespace: NAMESPACE, name: 'policy-forbid-hangs' };
    await client.patchStatus(SCANS, place, { status: { state: 'Done' } });
    assert.equal((await next).state, 'Done');
  });

  it('runs in its place if its concurrency policy is Replace', async () => {
    await using secureCodeBox = await start();
    const next = secureCodeBox.nextRun(NAMESPACE, 'policy-replace');
    await createDue('policy-replace', { concurrencyPolicy: 'Replace' });
    assert.equal((await next).state, 'Done');
    assert.deepEqual(await namesOf('policy-replace'), [(await next).scan]);
  });
});

describe('a ScheduledScan', () => {
  it('with an interval gets its Scan at once, and lastScheduleTime', async () => {
    await using secureCodeBox = await start();
    const next = secureCodeBox.nextRun(NAMESPACE, 'new');
    const labels = { team: 'payments' };
    const annotations = { 'credentials.securecodebox.io/binding': 'b', 'example.com/note': 'n' };
    await createScheduledScan('new', { interval: '12h' }, { labels, annotations });

    const run = await next;

    assert.deepEqual([run.state, run.exitCode, run.scheduledScan], ['Done', 0, 'new']);
    const { metadata, status } = await scan(run.scan);
    assert.match(metadata.name, /^new-\d{10}$/);
    assert.deepEqual(metadata.labels, labels);
    assert.deepEqual(metadata.annotations, { 'credentials.securecodebox.io/binding': 'b' });
    assert.equal(status?.state, 'Done');
    await until(
      async () => (await scheduledScan('new')).status?.lastScheduleTime !== undefined,
      'lastScheduleTime',
    );
    assert.equal((await scansOf('new')).length, 1);
  });

  it('gets no Scan while it is suspended, and gets one once it is resumed', async () => {
    await using secureCodeBox = await start();
    await createScheduledScan('suspended', { interval: '12h', suspend: true });
    const other = secureCodeBox.nextRun(NAMESPACE, 'not-suspended');
    await createScheduledScan('not-suspended', { interval: '12h' });
    await other;
    assert.equal((await scansOf('suspended')).length, 0);

    const next = secureCodeBox.nextRun(NAMESPACE, 'suspended');
    await write('suspended', (before) => ({ ...before, spec: { ...before.spec, suspend: false } }));

    assert.equal((await next).state, 'Done');
  });

  it('that is triggered runs once', async () => {
    await using secureCodeBox = await start();
    const first = secureCodeBox.nextRun(NAMESPACE, 'triggered');
    await createScheduledScan('triggered', { interval: '12h' });
    await first;
    await until(
      async () => (await scheduledScan('triggered')).status?.lastScheduleTime !== undefined,
      'the time',
    );

    const run = await secureCodeBox.trigger(NAMESPACE, 'triggered');

    assert.equal(run.state, 'Done');
    const isRecent = async () => {
      const last = (await scheduledScan('triggered')).status?.lastScheduleTime ?? LONG_AGO;
      return Date.now() - Date.parse(last) < 60_000;
    };
    await until(isRecent, 'a new lastScheduleTime');
    assert.equal((await scansOf('triggered')).length, 2);
    assert.equal(secureCodeBox.failure(NAMESPACE, 'triggered'), undefined);
  });

  it('that is triggered twice within a tick of its cron gets stuck', async () => {
    await using secureCodeBox = await start();
    await createScheduledScan('yearly', { schedule: '0 0 1 1 *' });
    await writeLastScheduleTime('yearly', LONG_AGO);
    await until(async () => (await scansOf('yearly')).length === 1, 'a Scan for 2002');
    await until(
      async () => (await scheduledScan('yearly')).status?.lastScheduleTime !== LONG_AGO,
      'the time',
    );

    await writeLastScheduleTime('yearly', LONG_AGO);

    await until(
      () => secureCodeBox.failure(NAMESPACE, 'yearly') === 'AlreadyExists',
      'the second to get stuck',
    );
  });

  it('that another client writes between its Scan and its status gets stuck until lastScheduleTime is written', async () => {
    const meddled: string[] = [];
    await using secureCodeBox = await start({
      beforeStatusUpdate: async ({ metadata: { name } }) => {
        if (name !== 'stuck' || meddled.length > 0) return;
        meddled.push(name);
        await write(name, labelled);
      },
    });
    await createScheduledScan('stuck', { interval: '12h', suspend: true });
    await writeLastScheduleTime('stuck', LONG_AGO);
    await write('stuck', (before) => ({ ...before, spec: { ...before.spec, suspend: false } }));

    await until(() => secureCodeBox.failure(NAMESPACE, 'stuck') === 'AlreadyExists', 'it to get stuck');
    assert.equal((await scheduledScan('stuck')).status?.lastScheduleTime, LONG_AGO);
    assert.equal((await scansOf('stuck')).length, 1);

    const next = secureCodeBox.nextRun(NAMESPACE, 'stuck');
    await writeLastScheduleTime('stuck', '2002-01-01T00:00:00Z');

    assert.equal((await next).state, 'Done');
    await until(() => secureCodeBox.failure(NAMESPACE, 'stuck') === undefined, 'it to run again');
    assert.equal((await scansOf('stuck')).length, 2);
  });

  it('that another client writes between its first Scan and its status gets a second Scan', async () => {
    let meddled = false;
    await using _secureCodeBox = await start({
      beforeStatusUpdate: async ({ metadata: { name } }) => {
        if (name !== 'first' || meddled) return;
        meddled = true;
        await write(name, labelled);
      },
    });
    await createScheduledScan('first', { interval: '12h' });

    await until(
      async () => (await scheduledScan('first')).status?.lastScheduleTime !== undefined,
      'the time',
    );
    assert.equal((await scansOf('first')).length, 2);
  });

  it('runs again when its ScanType changes, if retriggerOnScanTypeChange is set', async () => {
    await using secureCodeBox = await start();
    const first = secureCodeBox.nextRun(NAMESPACE, 'retriggered');
    await createScheduledScan('retriggered', { interval: '12h', retriggerOnScanTypeChange: true });
    await first;
    const isRecorded = async () =>
      (await scheduledScan('retriggered')).status?.lastScheduleTime !== undefined;
    await until(isRecorded, 'the first run to be recorded');

    const next = secureCodeBox.nextRun(NAMESPACE, 'retriggered');
    await write('retriggered', ({ spec, ...before }) => ({
      ...before,
      spec: { ...spec, scanSpec: { ...spec.scanSpec, scanType: 'succeeds-too' } },
    }));

    assert.equal((await next).state, 'Done');
    assert.equal((await scansOf('retriggered')).length, 2);
  });
});

describe('a Scan', () => {
  it('gives its scanner the environment and the files of the pod, and nothing else', async () => {
    await using secureCodeBox = await start();
    await createSecret('credential', { 'config.json': '{"auths":{}}', other: 'o', token: 't-0815' });
    await createScan('given', {
      parameters: ['/credential'],
      env: [
        { name: 'DOCKER_CONFIG', value: '/elsewhere' },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'credential', key: 'token' } } },
        { name: 'MISSING', valueFrom: { secretKeyRef: { name: 'nobody', key: 'k', optional: true } } },
        { name: 'TRIVY_USERNAME', value: 'before' },
        { name: 'TRIVY_USERNAME', value: '' },
        { name: 'DOCKER_CONFIG', value: '/credential' },
      ],
      volumes: [
        {
          name: 'credential',
          secret: {
            secretName: 'credential',
            defaultMode: 0o444,
            items: [{ key: 'config.json', path: 'config.json' }],
          },
        },
        { name: 'missing', secret: { secretName: 'nobody', optional: true } },
      ],
      volumeMounts: [
        { name: 'credential', mountPath: '/credential' },
        { name: 'missing', mountPath: '/missing' },
      ],
    });

    const { env, files } = reportOf(await secureCodeBox.run(NAMESPACE, 'given'));

    assert.deepEqual(files, [['config.json', '{"auths":{}}']]);
    const { DOCKER_CONFIG, HOME, TMPDIR, TRIVY_CACHE_DIR, ...rest } = env;
    assert.deepEqual(rest, { TOKEN: 't-0815', TRIVY_USERNAME: '' });
    for (const path of [DOCKER_CONFIG, HOME, TMPDIR, TRIVY_CACHE_DIR])
      assert.ok(path?.startsWith(directory), path);
    assert.deepEqual(await readdir(directory), []);
  });

  it('stays in Scanning until a ConfigMap that it mounts exists, and then has one file for each key', async () => {
    await using secureCodeBox = await start();
    const volumes = [
      { name: 'late', configMap: { name: 'late' } },
      { name: 'missing', configMap: { name: 'nothing', optional: true } },
    ];
    const volumeMounts = [
      { name: 'late', mountPath: '/late' },
      { name: 'missing', mountPath: '/missing' },
    ];
    await createScan('with-config', { parameters: ['/late'], volumes, volumeMounts });
    await until(async () => (await scan('with-config')).status?.state === 'Scanning', 'Scanning');

    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late', namespace: NAMESPACE },
    };
    await client.create(CONFIG_MAPS, { ...configMap, data: { 'ca.crt': 'PEM' } } as KubeObject);

    assert.deepEqual(reportOf(await secureCodeBox.run(NAMESPACE, 'with-config')).files, [['ca.crt', 'PEM']]);
  });

  it('has a log without values of Secrets', async () => {
    await using secureCodeBox = await start();
    await createSecret('canary', { value: 'canary-4711' });
    const valueFrom = { secretKeyRef: { name: 'canary', key: 'value' } };
    await createScan('redacted', { scanType: 'reveals', env: [{ name: 'SECRET', valueFrom }] });

    const { log } = await secureCodeBox.run(NAMESPACE, 'redacted');

    assert.equal(log, '[redacted] [redacted]');
  });

  it('stays in Scanning until a Secret that it needs exists', async () => {
    await using secureCodeBox = await start();
    const volumes = [{ name: 'late', secret: { secretName: 'late' } }];
    const volumeMounts = [{ name: 'late', mountPath: '/late' }];
    await createScan('waiting', { parameters: ['/late'], volumes, volumeMounts });
    await until(async () => (await scan('waiting')).status?.state === 'Scanning', 'Scanning');

    await createSecret('late', { file: 'at last' });

    assert.deepEqual(reportOf(await secureCodeBox.run(NAMESPACE, 'waiting')).files, [['file', 'at last']]);
  });

  it('that is suspended starts when it is resumed', async () => {
    await using secureCodeBox = await start();
    await createScan('held', { suspend: true });
    await createScan('free', {});
    await secureCodeBox.run(NAMESPACE, 'free');
    const before = await scan('held');
    assert.equal(before.status?.state, undefined);

    await client.replace(SCANS, { ...before, spec: { ...before.spec, suspend: false } } as KubeObject);

    assert.equal((await secureCodeBox.run(NAMESPACE, 'held')).state, 'Done');
  });

  it('whose Job the API server would refuse stays in Init', async () => {
    const lines: string[] = [];
    await using secureCodeBox = await start({ log: pino({}, { write: (line) => lines.push(line) }) });
    await createScan('refused', { volumes: [{ name: 'scan-results' }] });

    await until(() => lines.some((line) => line.includes('would refuse the Job')), 'a line in the log');

    assert.equal((await scan('refused')).status?.state, undefined);
    assert.deepEqual(secureCodeBox.runs, []);
  });

  const errors: Readonly<Record<string, readonly [name: string, Partial<ScanSpec>, number | null, RegExp]>> =
    {
      'whose scanner fails': ['failing', { scanType: 'fails' }, 3, /Exit code 3: cannot pull/],
      'of a ScanType that does not exist': [
        'typeless',
        { scanType: 'none' },
        null,
        /Configured ScanType 'none' not found/,
      ],
      'whose program is unknown': ['unknown', { scanType: 'unknown-program' }, null, /program "nmap"/],
      'with an unsupported init container': [
        'with-init',
        { initContainers: [{ name: 'clone-repository' }] },
        null,
        /init container clone-repository: the stand-in supports only secret-extraction-to-env/,
      ],
    };
  for (const [title, [name, spec, exitCode, description]] of Object.entries(errors)) {
    it(`${title} is Errored and reports the reason`, async () => {
      await using secureCodeBox = await start();
      await createScan(name, spec);

      const run = await secureCodeBox.run(NAMESPACE, name);

      assert.deepEqual([run.state, run.exitCode], ['Errored', exitCode]);
      const { status } = await scan(name);
      assert.equal(status?.state, 'Errored');
      assert.match(status?.errorDescription ?? '', description);
    });
  }

  it('of autodiscovery extracts its pull secret once, and fails afterwards', async () => {
    await using secureCodeBox = await start();
    const auth = Buffer.from('ann:pass:word').toString('base64');
    await createSecret('pull', {
      '.dockerconfigjson': JSON.stringify({ auths: { 'reg.example': { auth } } }),
    });
    const key = (name: string) => ({
      secretKeyRef: { name: 'temporary-secret-app', key: name, optional: true },
    });
    const spec: Partial<ScanSpec> = {
      env: [
        { name: 'TRIVY_USERNAME', valueFrom: key('username') },
        { name: 'TRIVY_PASSWORD', valueFrom: key('password') },
      ],
      volumes: [{ name: 'pull-volume', secret: { secretName: 'pull' } }],
      initContainers: [
        {
          name: 'secret-extraction-to-env',
          args: ['reg.example/app@sha256:0', 'temporary-secret-app'],
          volumeMounts: [{ name: 'pull-volume', mountPath: '/secrets/pull' }],
        },
      ],
    };
    await createScan('extracting', spec);

    const { env } = reportOf(await secureCodeBox.run(NAMESPACE, 'extracting'));
    assert.deepEqual([env['TRIVY_USERNAME'], env['TRIVY_PASSWORD']], ['ann', 'pass:word']);

    await createScan('extracting-again', spec);
    const { state, log } = await secureCodeBox.run(NAMESPACE, 'extracting-again');
    assert.equal(state, 'Errored');
    assert.match(log, /AlreadyExists/);
  });
});

describe('the stand-in', () => {
  const pidsIn = async (folder: string): Promise<readonly number[]> => {
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.pid'));
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    return texts.filter((text) => text !== '').map(Number);
  };
  const stays = (name: string) =>
    createScan(name, {
      scanType: 'stays',
      parameters: [`/home/securecodebox/${name}.pid`],
    });

  it('stops the scanner of a Scan that is deleted', async () => {
    await using _secureCodeBox = await start();
    await stays('deleted');
    await until(async () => (await pidsIn(directory)).length === 1, 'the scanner to run');
    const [pid = 0] = await pidsIn(directory);

    await cluster.kubectl(['delete', 'scan', 'deleted', '-n', NAMESPACE]);

    await until(() => !isRunning(pid), 'the scanner to exit');
    await until(async () => (await readdir(directory)).length === 0, 'its folder to be removed');
  });

  it('leaves no scanner and no folder when it stops, and rejects the promises of callers that wait', async () => {
    const secureCodeBox = await start();
    await stays('stopped');
    await until(async () => (await pidsIn(directory)).length === 1, 'the scanner to run');
    const [pid = 0] = await pidsIn(directory);
    const waiting = [secureCodeBox.run(NAMESPACE, 'stopped'), secureCodeBox.nextRun(NAMESPACE, 'nobody')];

    await secureCodeBox.stop();

    const ends = await Promise.allSettled(waiting);
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.deepEqual([isRunning(pid), await readdir(directory)], [false, []]);
    assert.equal((await scan('stopped')).status?.state, 'Scanning');
    await cluster.kubectl(['delete', 'scan', 'stopped', '-n', NAMESPACE]);
  });

  it('writes with its own user name', async () => {
    const written = (await cluster.auditEvents()).filter(
      ({ objectRef, verb }) =>
        objectRef?.subresource === 'status' && verb === 'update' && objectRef.resource === 'scans',
    );
    const writers = new Set(written.map(({ user, userAgent }) => `${user.username} ${userAgent}`));
    assert.deepEqual(
      [...writers],
      [`system:serviceaccount:${NAMESPACE}:securecodebox-operator securecodebox-operator`],
    );
  });
});

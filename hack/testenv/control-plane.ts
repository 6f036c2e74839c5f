/**
 * A real Kubernetes control plane on this machine: etcd and kube-apiserver, and kube-controller-manager where asked.
 * No nodes: pods are objects that nobody runs. It ends with the process that started it.
 */
import { generateKeyPairSync, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { existsSync, fstatSync, globSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { dump } from 'js-yaml';
import { type Child, describe, onFreePort, ProcessGroup, untilReady } from './processes.ts';
import { secureCodeBoxCrds } from './securecodebox/crds.ts';
import { tools } from './tools.ts';

/** What to start. */
export interface ControlPlaneOptions {
  /**
   * Also run kube-controller-manager (garbage collection, Jobs, the rules of the aggregated ClusterRoles `view`, `edit`
   * and `admin`, …). The ServiceAccount admission plugin is on only
   * with it, for without it a namespace has no account `default` and no pod could be created.
   */
  readonly controllerManager?: boolean;
  /** Record who wrote what; on unless told. */
  readonly auditLog?: boolean;
  /** Added to kube-apiserver's arguments; of a flag given twice, the last counts. */
  readonly extraApiServerArgs?: readonly string[];
  /** Takes lines about progress. */
  readonly log?: (line: string) => void;
}

/** One line of the audit log, as far as tests look into it (audit.k8s.io/v1, Event). */
export interface AuditEvent {
  readonly auditID: string;
  readonly level: 'Metadata' | 'Request' | 'RequestResponse';
  readonly stage: 'ResponseComplete' | 'Panic';
  readonly verb: string;
  readonly requestURI: string;
  readonly user: {
    readonly username: string;
    readonly groups?: readonly string[];
    /** Among others `authentication.kubernetes.io/credential-id`: which of a user's tokens. */
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly apiVersion?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly reason?: string; readonly message?: string };
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** Whose kubeconfig `kubeconfigFor` makes. */
export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

/** How kubectl is called. */
export interface KubectlOptions {
  /** What it reads from its standard input (`-f -`). */
  readonly input?: string;
  /** Path of the kubeconfig; the administrator's unless told. */
  readonly kubeconfig?: string;
}

const adminUser = 'admin';
const controllerManagerName = 'kube-controller-manager';
const controllerManagerUser = `system:${controllerManagerName}`;

/**
 * They end with their data: nothing of it need be in order. And they may hold more garbage than they are used to,
 * which takes less CPU (https://pkg.go.dev/runtime#hdr-Environment_Variables).
 */
const shortLived = { graceMilliseconds: 0, env: { GOGC: '400' } };

const parentCheckMilliseconds = 500;

/** Groups whose objects are recorded with what was written. */
const recordedGroups = ['execution.securecodebox.io', 'credentials.securecodebox.io'];

/**
 * A running control plane.
 *
 * RBAC is on. Clients verify TLS against `caFile`; the administrator is a token in `kubeconfig`.
 */
export class ControlPlane implements AsyncDisposable {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** URL of the API server. */
  readonly server: string;
  /** PEM file of the authority that signed the API server's certificate. */
  readonly caFile: string;
  /** Path of the audit log, one JSON object a line; there is no file with `auditLog: false`. */
  readonly auditLog: string;
  /** Where all data is; removed by `stop()`. */
  readonly directory: string;
  /** The processes; more can be started beside them, to end with them. */
  readonly group: ProcessGroup;
  readonly #kubectl: string;
  readonly #apiServer: ApiServer;
  readonly #etcd: Etcd;

  /** For `startControlPlane`. */
  constructor(
    group: ProcessGroup,
    servers: { readonly apiServer: ApiServer; readonly etcd: Etcd },
    kubectl: string,
  ) {
    this.group = group;
    this.directory = group.directory;
    this.kubeconfig = join(group.directory, 'admin.kubeconfig');
    this.caFile = join(group.directory, 'ca.crt');
    this.auditLog = auditFile(group.directory);
    this.server = servers.apiServer.url;
    this.#apiServer = servers.apiServer;
    this.#etcd = servers.etcd;
    this.#kubectl = kubectl;
  }

  /**
   * Runs kubectl, with none of the user's own settings.
   *
   * @throws Error with what kubectl wrote to its error output when it fails
   */
  async kubectl(
    args: readonly string[],
    { input, kubeconfig }: KubectlOptions = {},
  ): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const { stdout, stderr, ...exit } = await this.group.run(this.#kubectl, args, {
      env: { KUBECONFIG: kubeconfig ?? this.kubeconfig },
      ...(input === undefined ? {} : { input }),
    });
    if (exit.code === 0) return { stdout, stderr };
    // Not all arguments: one may hold a password.
    const command = ['kubectl', ...args.slice(0, 2)].join(' ');
    throw new Error(`${command} ended with ${describe(exit)}: ${stderr.trim()}`);
  }

  /**
   * Makes a kubeconfig for a service account that exists, with a token by the TokenRequest API that lasts a day.
   *
   * @returns its path
   */
  async kubeconfigFor({ namespace, name }: ServiceAccountName): Promise<string> {
    const { stdout } = await this.kubectl([
      'create',
      'token',
      name,
      '--namespace',
      namespace,
      '--duration=24h',
    ]);
    const identity = { name: `${namespace}.${name}`, token: stdout.trim() };
    return writeKubeconfig(this.directory, this.server, identity);
  }

  /**
   * Applies the CRDs in files or folders and waits until the API server serves them.
   *
   * @param paths - may be empty
   */
  async installCrds(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    const files = paths.flatMap((path) => ['--filename', resolve(path)]);
    await this.kubectl(['apply', '--server-side', '--force-conflicts', ...files]);
    await this.kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...files]);
  }

  /**
   * Deletes CRDs and waits until they are gone. Where the API server is about to set up a CRD's storage anew, it gives the deletion up
   * (`InstanceDeletionFailed`, "storage is (re)initializing") until the CRD changes, so it is changed until then:
   * https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/controller/finalizer/crd_finalizer.go
   *
   * @param names - of CRDs that are there
   * @throws Error when one is there after a minute
   */
  async removeCrds(names: readonly string[]): Promise<void> {
    await this.kubectl(['delete', 'crd', ...names, '--wait=false']);
    const deadline = Date.now() + 60_000;
    for (let left = names; ; ) {
      const { stdout } = await this.kubectl(['get', 'crd', ...left, '--ignore-not-found', '--output=name']);
      left = stdout.split('\n').flatMap((line) => line.split('/')[1] ?? []);
      if (left.length === 0) return;
      if (Date.now() > deadline) throw new Error(`still there after a minute: ${left.join(', ')}`);
      await delay(500);
      // It may have gone meanwhile.
      await this.kubectl(['annotate', 'crd', ...left, '--overwrite', `tried=${Date.now()}`]).catch(
        () => undefined,
      );
    }
  }

  /** What the audit log holds so far, oldest first. */
  async auditEvents(): Promise<readonly AuditEvent[]> {
    const lines = (await readFile(this.auditLog, 'utf8')).split('\n');
    // The last one is empty, or not whole yet.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as AuditEvent);
  }

  /** Ends the API server, abruptly as in a crash, and starts it anew on the same data and address. */
  async restartApiServer(): Promise<void> {
    await this.#apiServer.restart();
  }

  /**
   * Copies all that etcd holds. The API server is down meanwhile.
   *
   * @returns what {@link restore} takes
   */
  async backUp(): Promise<string> {
    const backup = join(this.directory, `backup-${randomUUID()}`);
    await this.#apiServer.restart(() =>
      this.#etcd.restart(() => cp(etcdData(this.directory), backup, { recursive: true })),
    );
    return backup;
  }

  /** Goes back to a backup, as a cluster does whose etcd is restored: resource versions go back too. */
  async restore(backup: string): Promise<void> {
    const data = etcdData(this.directory);
    await this.#apiServer.restart(() =>
      this.#etcd.restart(async () => {
        await rm(data, { recursive: true });
        await cp(backup, data, { recursive: true });
      }),
    );
  }

  /** Ends everything and removes the directory. */
  async stop(): Promise<void> {
    await this.group.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A server that can be ended and started anew on the same address, with something done in between. */
interface Server {
  readonly url: string;
  restart(meanwhile?: () => Promise<void>): Promise<void>;
}

type ApiServer = Server;
type Etcd = Server;

/**
 * Starts a control plane. The programs it needs are built when they are missing, which takes minutes.
 *
 * @returns when the API server is ready, and with `controllerManager` when it has begun its work
 * @throws Error when a program cannot be had or does not start; nothing is left then
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { controllerManager = false, log = () => undefined } = options;
  const programs = await tools(
    [
      'etcd',
      'kube-apiserver',
      'kubectl',
      ...(controllerManager ? (['kube-controller-manager'] as const) : []),
    ],
    log,
  );
  const group = await ProcessGroup.start();
  try {
    const tokens = await writeSecrets(group.directory);
    const etcd = await startEtcd(group, programs.etcd);
    const start = (port: number) =>
      startApiServer(
        group,
        programs['kube-apiserver'],
        apiServerArgs(group.directory, etcd.url, port, options),
        {
          port,
          token: tokens.admin,
        },
      );
    const apiServer = await onFreePort(start);
    await writeKubeconfigs(group.directory, apiServer.url, tokens);
    if (controllerManager) {
      await startControllerManager(group, programs['kube-controller-manager'], apiServer.url, tokens.admin);
    }
    return new ControlPlane(group, { apiServer, etcd }, programs.kubectl);
  } catch (error) {
    await group.stop();
    throw error;
  }
}

interface Tokens {
  readonly admin: string;
  readonly controllerManager: string;
}

async function writeSecrets(directory: string): Promise<Tokens> {
  const tokens = {
    admin: randomBytes(24).toString('hex'),
    controllerManager: randomBytes(24).toString('hex'),
  };
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
  });
  const users = [
    `${tokens.admin},${adminUser},${adminUser},"system:masters"`,
    `${tokens.controllerManager},${controllerManagerUser},${controllerManagerUser}`,
  ];
  await Promise.all([
    writeFile(join(directory, 'service-account.pub'), publicKey),
    writeFile(join(directory, 'service-account.key'), privateKey),
    writeFile(join(directory, 'tokens.csv'), `${users.join('\n')}\n`),
    writeFile(join(directory, 'audit-policy.json'), JSON.stringify(auditPolicy)),
  ]);
  return tokens;
}

/** Reads of the recorded groups come with Metadata only: a list of thousands would fill the disk. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  // One line a request, when it is done; for a watch, when it has ended.
  omitStages: ['RequestReceived', 'ResponseStarted'],
  omitManagedFields: true,
  rules: [
    { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/openapi*'] },
    {
      level: 'RequestResponse',
      verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
      resources: recordedGroups.map((group) => ({ group })),
    },
    { level: 'Metadata' },
  ],
};

function auditFile(directory: string): string {
  return join(directory, 'audit.log');
}

/** On a Unix socket in the directory: no port to lose to somebody else, and no other user can reach it. */
async function startEtcd(group: ProcessGroup, program: string): Promise<Etcd> {
  const client = `unix://${join(group.directory, 'etcd.sock')}`;
  const peer = `unix://${join(group.directory, 'etcd-peer.sock')}`;
  const args = [
    '--name=etcd',
    `--data-dir=${etcdData(group.directory)}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=etcd=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
  const socket = join(group.directory, 'etcd.sock');
  return startServer(client, async () => {
    // A socket that was left is no sign of life.
    await rm(socket, { force: true });
    const child = await group.spawn('etcd', program, args, shortLived);
    await untilReady(child, () => Promise.resolve(existsSync(socket)));
    return child;
  });
}

function etcdData(directory: string): string {
  return join(directory, 'etcd');
}

async function startServer(url: string, start: () => Promise<Child>): Promise<Server> {
  let child = await start();
  return {
    url,
    restart: async (meanwhile = async () => undefined) => {
      await child.stop();
      await meanwhile();
      child = await start();
    },
  };
}

function apiServerArgs(
  directory: string,
  etcd: string,
  port: number,
  { controllerManager = false, auditLog = true, extraApiServerArgs = [] }: ControlPlaneOptions,
): readonly string[] {
  const file = (name: string) => join(directory, name);
  return [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    // Its own authority and certificate; kept over a restart.
    `--cert-dir=${directory}`,
    `--token-auth-file=${file('tokens.csv')}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file('service-account.pub')}`,
    `--service-account-signing-key-file=${file('service-account.key')}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    // There is no address by which pods could reach it.
    '--endpoint-reconciler-type=none',
    ...(controllerManager ? [] : ['--disable-admission-plugins=ServiceAccount']),
    ...(auditLog ? auditArgs(directory) : []),
    ...extraApiServerArgs,
  ];
}

function auditArgs(directory: string): readonly string[] {
  return [
    `--audit-policy-file=${join(directory, 'audit-policy.json')}`,
    `--audit-log-path=${auditFile(directory)}`,
    // In megabytes; left out, the file would be moved aside at 100.
    '--audit-log-maxsize=1000000',
  ];
}

async function startApiServer(
  group: ProcessGroup,
  program: string,
  args: readonly string[],
  { port, token }: { readonly port: number; readonly token: string },
): Promise<ApiServer> {
  const url = `https://127.0.0.1:${port}`;
  return startServer(url, async () => {
    const child = await group.spawn('kube-apiserver', program, args, shortLived);
    const isReady = async () => (await get(`${url}/readyz`, await authority(group.directory), token)) === 200;
    await untilReady(child, isReady);
    return child;
  });
}

/**
 * The authority behind the API server's certificate, which that puts behind its own in one file. No other server can
 * answer for it: a probe that verifies against it has reached this API server.
 */
async function authority(directory: string): Promise<string> {
  const chain = await readFile(join(directory, 'apiserver.crt'), 'utf8');
  const certificates = chain.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?/gs) ?? [];
  const found = certificates.find((pem) => new X509Certificate(pem).ca);
  if (found === undefined) throw new Error('kube-apiserver wrote a certificate without its authority');
  return found;
}

/** Asks with a token, verifying TLS; resolves with the status code. */
function get(url: string, ca: string, token: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const headers = { authorization: `Bearer ${token}` };
  const asked = request(url, { ca, headers, agent: false, timeout: 5_000 }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  asked.on('timeout', () => asked.destroy(new Error(`${url} did not answer`)));
  asked.on('error', reject);
  asked.end();
  return promise;
}

async function writeKubeconfigs(directory: string, server: string, tokens: Tokens): Promise<void> {
  await writeFile(join(directory, 'ca.crt'), await authority(directory));
  await writeKubeconfig(directory, server, { name: adminUser, token: tokens.admin });
  await writeKubeconfig(directory, server, { name: controllerManagerName, token: tokens.controllerManager });
}

/** Writes `<name>.kubeconfig`, whole in itself (the authority is in it), and returns its path. */
async function writeKubeconfig(
  directory: string,
  server: string,
  { name, token }: { readonly name: string; readonly token: string },
): Promise<string> {
  const ca = await readFile(join(directory, 'ca.crt'));
  const file = join(directory, `${name}.kubeconfig`);
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': ca.toString('base64') } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(file, dump(kubeconfig), { mode: 0o600 });
  return file;
}

async function startControllerManager(
  group: ProcessGroup,
  program: string,
  server: string,
  token: string,
): Promise<void> {
  const file = (name: string) => join(group.directory, name);
  const args = [
    `--kubeconfig=${file(`${controllerManagerName}.kubeconfig`)}`,
    `--root-ca-file=${file('ca.crt')}`,
    `--service-account-private-key-file=${file('service-account.key')}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    // It serves nothing.
    '--secure-port=0',
  ];
  const child = await group.spawn('kube-controller-manager', program, args, shortLived);
  const account = `${server}/api/v1/namespaces/default/serviceaccounts/default`;
  await untilReady(child, async () => (await get(account, await authority(group.directory), token)) === 200);
}

/** Starts one, installs the project's and secureCodeBox's CRDs and says where it is. */
async function serve(options: ControlPlaneOptions, log: (line: string) => void): Promise<void> {
  const controlPlane = await startControlPlane(options);
  const own = globSync(join(import.meta.dirname, '../../crds/*.yaml')).sort();
  await controlPlane.installCrds([...own, ...secureCodeBoxCrds()]);
  process.stdout.write(`export KUBECONFIG=${controlPlane.kubeconfig}\n`);
  log(`ready: ${controlPlane.server}; data and logs are in ${controlPlane.directory} until it ends (Ctrl-C)
Use it from another terminal, where you paste the line that begins with export. For example:
  npm run -s icb -- controller --serve 127.0.0.1:0
  kubectl apply -f docs/examples/    (npm run -s tools -- kubectl says where a kubectl is)
There are no nodes and there is no operator of secureCodeBox: nothing scans, and a new ScheduledScan that is due is
bound after a minute.`);
}

/**
 * Calls `stop` when this process is asked to end, or has lost who started it: its parent process, or the other end of
 * the pipe that is its standard input. A pipe that has ended within the first second was held by nobody.
 */
function onEnd(stop: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(), parentCheckMilliseconds).unref();
  const input = fstatSync(0);
  if (!input.isFIFO() && !input.isSocket()) return;
  const started = Date.now();
  process.stdin.resume().once('end', () => Date.now() - started > 1_000 && stop());
}

const usage = `Usage: npm run control-plane -- [--controller-manager] [--no-audit-log]

Starts etcd and kube-apiserver with the CRDs of this project and of secureCodeBox, prints "export KUBECONFIG=…" and
runs until it gets SIGINT or SIGTERM, or its parent process ends. Nothing is left then.

  --controller-manager  also run kube-controller-manager: garbage collection, Jobs, default service accounts
  --no-audit-log        record no requests
  --help                this text

The programs are built when they are missing: npm run tools -- --help.
`;

async function main(): Promise<void> {
  const options = parseCommandLine();
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${usage}`);
    process.exitCode = 2;
  } else if (options === undefined) process.stdout.write(usage);
  else await run(options);
}

async function run(options: ControlPlaneOptions): Promise<void> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  let ending = false;
  onEnd(() => {
    ending = true;
    void ProcessGroup.stopAll().then(() => process.exit(0));
  });
  try {
    await serve({ ...options, log }, log);
  } catch (error) {
    // What fails because the end has come is no failure.
    if (ending) return;
    log(error instanceof Error ? error.message : String(error));
    await ProcessGroup.stopAll();
    process.exit(1);
  }
}

/** The options, or nothing where help is asked for, or what is wrong with the command line. */
function parseCommandLine(): ControlPlaneOptions | string | undefined {
  try {
    const { values } = parseArgs({
      options: {
        'controller-manager': { type: 'boolean', default: false },
        'no-audit-log': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return undefined;
    return { controllerManager: values['controller-manager'], auditLog: !values['no-audit-log'] };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

if (import.meta.main) await main();

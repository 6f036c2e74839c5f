import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import type { ProcessGroup } from '../processes/index.ts';
import { untilReady } from '../processes/index.ts';
import { auditArgs } from './audit.ts';
import { credentialFiles } from './credentials.ts';
import { serviceArgs } from './egress.ts';
import { type Server, SHORT_LIVED, startServer } from './server.ts';

/** What decides the flags of kube-apiserver. */
export interface ApiServerOptions {
  /**
   * Also run kube-controller-manager: garbage collection, Jobs, aggregation of the ClusterRoles `view`, `edit` and
   * `admin`. The ServiceAccount admission plugin is on only with it: without it, namespaces have no service account
   * `default`, so the plugin would refuse every pod. The default is false.
   */
  readonly controllerManager?: boolean;
  /** Record the requests of all users. The default is true. */
  readonly auditLog?: boolean;
  /** Connect to Services through a proxy on {@link serviceSocket}, which may start later. The default is false. */
  readonly services?: boolean;
  /** Appended to kube-apiserver's flags. If a flag is given twice, the last one counts. */
  readonly extraApiServerArgs?: readonly string[];
}

/** The addresses of an API server and its etcd, and the token for its readiness probe. */
export interface ApiServerSettings extends ApiServerOptions {
  /** The client URL of etcd. */
  readonly etcd: string;
  readonly port: number;
  /** The administrator's token. */
  readonly token: string;
}

/** Starts kube-apiserver on a port of 127.0.0.1. Resolves when it is ready. */
export async function startApiServer(
  group: ProcessGroup,
  program: string,
  settings: ApiServerSettings,
): Promise<Server> {
  const url = `https://127.0.0.1:${settings.port}`;
  const services = settings.services === true ? await serviceArgs(group.directory) : [];
  const args = [...apiServerArgs(group.directory, settings), ...services];
  return startServer(url, async () => {
    const child = await group.spawn('kube-apiserver', program, args, SHORT_LIVED);
    await untilReady(child, () => isFound(group.directory, `${url}/readyz`, settings.token));
    return child;
  });
}

function apiServerArgs(
  directory: string,
  { etcd, port, controllerManager = false, auditLog = true, extraApiServerArgs = [] }: ApiServerSettings,
): readonly string[] {
  const files = credentialFiles(directory);
  return [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    // The API server creates its own authority and certificate in this folder, and reuses them after a restart.
    `--cert-dir=${directory}`,
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${files.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    // No pods exist that could use its endpoint.
    '--endpoint-reconciler-type=none',
    ...(controllerManager ? [] : ['--disable-admission-plugins=ServiceAccount']),
    ...(auditLog ? auditArgs(directory) : []),
    ...extraApiServerArgs,
  ];
}

/**
 * The authority that signed the API server's certificate. The API server appends it to its own certificate, in one file.
 * Only this API server has a certificate from this authority, so a probe that trusts no other cannot reach another server.
 */
export async function authority(directory: string): Promise<string> {
  const chain = await readFile(join(directory, 'apiserver.crt'), 'utf8');
  const certificates = chain.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?/gs) ?? [];
  const found = certificates.find((pem) => new X509Certificate(pem).ca);
  if (found === undefined) throw new Error('kube-apiserver wrote a certificate without its authority');
  return found;
}

/**
 * Whether a GET with a token gets the status code 200.
 *
 * @throws Error when the server does not answer within 5 s, or its certificate is not from its {@link authority}
 */
export async function isFound(directory: string, url: string, token: string): Promise<boolean> {
  const ca = await authority(directory);
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const headers = { authorization: `Bearer ${token}` };
  const sent = request(url, { ca, headers, agent: false, timeout: 5_000 }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  sent.on('timeout', () => sent.destroy(new Error(`${url} did not answer`)));
  sent.on('error', reject);
  sent.end();
  return promise;
}

/**
 * A real Kubernetes control plane on this machine: etcd and kube-apiserver, and kube-controller-manager on request.
 * There are no nodes, so pods are objects that nothing runs. The control plane stops when the process that started it exits.
 */
import { randomUUID } from 'node:crypto';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, onFreePort, ProcessGroup } from '../processes/index.ts';
import { tools } from '../tools/index.ts';
import { type ApiServerOptions, authority, startApiServer } from './api-server.ts';
import { AUDIT_POLICY, type AuditEvent, AuditLog, auditFile, auditPolicyFile } from './audit.ts';
import { startControllerManager } from './controller-manager.ts';
import { installCrds, removeCrds } from './crds.ts';
import {
  ADMIN,
  CONTROLLER_MANAGER,
  KUBE_SCHEDULER,
  KUBELET,
  type Tokens,
  writeCredentials,
} from './credentials.ts';
import { etcdData, startEtcd } from './etcd.ts';
import { caFile, kubeconfigFile, writeKubeconfig } from './kubeconfig.ts';
import type { Server } from './server.ts';

export type { AuditEvent } from './audit.ts';

/** What to start. */
export interface ControlPlaneOptions extends ApiServerOptions {
  /** Takes lines about progress. */
  readonly log?: (line: string) => void;
}

/** The service account that `kubeconfigFor` makes a kubeconfig for. */
export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

/** How kubectl is called. */
export interface KubectlOptions {
  /** What kubectl reads from its standard input (`-f -`). */
  readonly input?: string;
  /** Path of the kubeconfig; by default, the administrator's. */
  readonly kubeconfig?: string;
}

/**
 * A running control plane.
 *
 * RBAC is on. Clients verify TLS against `caFile`. The administrator authenticates with the token in `kubeconfig`.
 */
export class ControlPlane implements AsyncDisposable {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** URL of the API server. */
  readonly server: string;
  /** PEM file of the authority that signed the API server's certificate. */
  readonly caFile: string;
  /** Path of the audit log, one JSON object per line. With `auditLog: false` there is no such file. */
  readonly auditLog: string;
  /** Folder of all data. `stop()` removes it. */
  readonly directory: string;
  /** The processes. Tests can start more in this group, which then end with the control plane. */
  readonly group: ProcessGroup;
  readonly #kubectl: string;
  readonly #apiServer: Server;
  readonly #etcd: Server;
  readonly #auditLog: AuditLog;

  /** For {@link startControlPlane}. */
  constructor(
    group: ProcessGroup,
    servers: { readonly apiServer: Server; readonly etcd: Server },
    kubectl: string,
  ) {
    this.group = group;
    this.directory = group.directory;
    this.kubeconfig = kubeconfigFile(group.directory, ADMIN);
    this.caFile = caFile(group.directory);
    this.auditLog = auditFile(group.directory);
    this.#auditLog = new AuditLog(this.auditLog);
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
    // Only the first arguments: a later one may hold a password.
    const command = ['kubectl', ...args.slice(0, 2)].join(' ');
    throw new Error(`${command} ended with ${describe(exit)}: ${stderr.trim()}`);
  }

  /**
   * Makes a kubeconfig for an existing service account, with a token from the TokenRequest API that is valid for a day.
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
    await installCrds((args) => this.kubectl(args), paths);
  }

  /**
   * Deletes CRDs and waits until they are gone, which a plain `kubectl delete crd` does not ensure:
   * see control-plane/crds.ts.
   *
   * @param names - of CRDs that exist
   * @throws Error when one still exists after a minute
   */
  async removeCrds(names: readonly string[]): Promise<void> {
    await removeCrds((args) => this.kubectl(args), names);
  }

  /** The audit log so far, oldest first. */
  async auditEvents(): Promise<readonly AuditEvent[]> {
    return this.#auditLog.events();
  }

  /** Kills the API server, as in a crash, and starts it again on the same data and address. */
  async restartApiServer(): Promise<void> {
    await this.#apiServer.restart();
  }

  /**
   * Copies the data of etcd. The API server is down during the copy.
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

  /** Restores a backup, as an administrator restores the etcd of a cluster: resource versions go back, too. */
  async restore(backup: string): Promise<void> {
    const data = etcdData(this.directory);
    await this.#apiServer.restart(() =>
      this.#etcd.restart(async () => {
        await rm(data, { recursive: true });
        await cp(backup, data, { recursive: true });
      }),
    );
  }

  /** Stops all processes and removes the directory. */
  async stop(): Promise<void> {
    await this.group.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Starts a control plane. Programs that are missing are built first, which takes minutes.
 *
 * @returns when the API server is ready and, with `controllerManager`, when kube-controller-manager has begun its work
 * @throws Error when a program is not available or does not start; then nothing is left behind
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { controllerManager = false, log = () => undefined } = options;
  const optional = controllerManager ? ([CONTROLLER_MANAGER] as const) : [];
  const programs = await tools(['etcd', 'kube-apiserver', 'kubectl', ...optional], log);
  const group = await ProcessGroup.start();
  try {
    const tokens = await writeCredentials(group.directory);
    await writeFile(auditPolicyFile(group.directory), JSON.stringify(AUDIT_POLICY));
    const etcd = await startEtcd(group, programs.etcd);
    const settings = { ...options, etcd: etcd.url, token: tokens.admin };
    const apiServer = await onFreePort((port) =>
      startApiServer(group, programs['kube-apiserver'], { ...settings, port }),
    );
    await writeKubeconfigs(group.directory, apiServer.url, tokens);
    if (controllerManager) {
      const api = { url: apiServer.url, token: tokens.admin };
      await startControllerManager(group, programs[CONTROLLER_MANAGER], api);
    }
    return new ControlPlane(group, { apiServer, etcd }, programs.kubectl);
  } catch (error) {
    await group.stop();
    throw error;
  }
}

async function writeKubeconfigs(directory: string, server: string, tokens: Tokens): Promise<void> {
  await writeFile(caFile(directory), await authority(directory));
  await writeKubeconfig(directory, server, { name: ADMIN, token: tokens.admin });
  await writeKubeconfig(directory, server, { name: CONTROLLER_MANAGER, token: tokens.controllerManager });
  await writeKubeconfig(directory, server, { name: KUBE_SCHEDULER, token: tokens.scheduler });
  await writeKubeconfig(directory, server, { name: KUBELET, token: tokens.kubelet });
}

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHART } from '../../../hack/root.ts';
import { RELEASE, type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { type Content, dataOf, readContent } from '../../../src/certificate/content.ts';
import { MUTATING_WEBHOOKS, type WebhookConfiguration } from '../../../src/certificate/registration.ts';
import { until } from '../until.ts';
import { container, podTemplate } from './chart.ts';
import { type Cluster, SECRETS, type Secret } from './cluster.ts';
import { type Ran, runCommand } from './command.ts';
import { completeJob } from './complete-job.ts';

/** Name of the Service and of the Secret with the certificates. */
export const WEBHOOK = `${RELEASE}-webhook`;
/** Name of the Job, and of its ServiceAccount and roles. */
export const HOOK = `${RELEASE}-register`;
/** The same of the Job that switches the webhook off. */
export const OFF_HOOK = `${RELEASE}-resume`;
/** The DNS name of the Service. */
export const WEBHOOK_HOST = `${WEBHOOK}.${RELEASE}.svc`;

/** A controller with the flags of the Deployment, and the port of its webhook. */
export type Replica = RunningController & { readonly port: number };

interface Job {
  readonly metadata: { readonly uid: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly { readonly args: readonly string[] }[];
      };
    };
  };
}

/** A release of the chart with the admission webhook. */
export class AdmissionRelease {
  readonly #cluster: Cluster;
  readonly #helm: string;

  private constructor(cluster: Cluster, helm: string) {
    this.#cluster = cluster;
    this.#helm = helm;
  }

  static async of(cluster: Cluster): Promise<AdmissionRelease> {
    const { helm } = await tools(['helm'], (line) => process.stderr.write(`${line}\n`));
    return new AdmissionRelease(cluster, helm);
  }

  /** Runs Helm on the release. */
  async helm(args: readonly string[], values: object = {}): Promise<Ran> {
    const { group, kubeconfig } = this.#cluster.controlPlane;
    const options = { env: { KUBECONFIG: kubeconfig }, input: JSON.stringify(values) };
    return group.run(this.#helm, [...args, '--namespace', RELEASE], options);
  }

  /** Upgrades to these values of `admission` alone. */
  async upgrade(admission: object, values: object = {}): Promise<Ran> {
    const args = ['upgrade', RELEASE, CHART, '--reset-values', '--values', '-'];
    return this.helm(args, { ...values, admission: { enabled: true, ...admission } });
  }

  /**
   * Runs Helm, and does what Kubernetes would do with the Job: it runs the command of the Job with the rights of the Job.
   *
   * @param whileRegistering - called before the command, while the roles of the Job exist
   * @returns what the command printed
   */
  async registering(helm: () => Promise<Ran>, whileRegistering?: () => Promise<void>): Promise<string> {
    return this.withHook(HOOK, helm, whileRegistering);
  }

  /** The same for the hook with this name. */
  async withHook(
    hook: string,
    helm: () => Promise<Ran>,
    whileRegistering?: () => Promise<void>,
  ): Promise<string> {
    const { job, helm: ran } = await this.#runJob(hook, helm, whileRegistering);
    assert.equal(job.code, 0, job.stderr);
    assert.equal(ran.code, 0, ran.stderr);
    return job.stdout;
  }

  /**
   * As {@link registering}, if the command fails.
   *
   * @returns what the command printed as its error
   */
  async failing(helm: () => Promise<Ran>): Promise<string> {
    const { job, helm: ran } = await this.#runJob(HOOK, helm);
    assert.notEqual(job.code, 0, job.stdout);
    assert.match(ran.stderr, /job.+failed/i);
    return job.stderr;
  }

  async #runJob(
    hook: string,
    helm: () => Promise<Ran>,
    whileRegistering: () => Promise<void> = async () => undefined,
  ): Promise<{ readonly job: Ran; readonly helm: Ran }> {
    const before = await this.#job(hook);
    const upgrading = helm();
    const found = await until(
      async () => {
        const job = await this.#job(hook);
        return job?.metadata.uid === before?.metadata.uid ? undefined : job;
      },
      'the Job of the hook',
      60,
    );
    const { containers, serviceAccountName } = found.spec.template.spec;
    assert.equal(serviceAccountName, hook);
    await whileRegistering();
    const { controlPlane } = this.#cluster;
    const kubeconfig = await controlPlane.kubeconfigFor({ namespace: RELEASE, name: hook });
    const job = await runCommand(controlPlane, containers[0]?.args ?? [], kubeconfig);
    await completeJob(controlPlane, RELEASE, hook, job.code === 0 ? 'Complete' : 'Failed');
    return { job, helm: await upgrading };
  }

  /** The kinds of objects that are left of the ServiceAccount of the Job and its rights. */
  async rightsOfJob(): Promise<readonly string[]> {
    const kinds = ['serviceaccount', 'role', 'rolebinding', 'clusterrole', 'clusterrolebinding'];
    const found = await Promise.all(kinds.map((kind) => this.get(kind, HOOK)));
    return kinds.filter((_, index) => found[index] !== undefined);
  }

  async #job(hook: string): Promise<Job | undefined> {
    return (await this.get('job', hook)) as Job | undefined;
  }

  /** An object; undefined: there is none. */
  async get(kind: string, name: string): Promise<unknown> {
    const { stdout } = await this.#cluster.controlPlane.kubectl([
      ...['get', kind, name, '--namespace', RELEASE, '--output', 'json', '--ignore-not-found'],
    ]);
    return stdout === '' ? undefined : JSON.parse(stdout);
  }

  /** Starts a controller with the flags of the Deployment, on free ports. */
  async startReplica(
    options: Parameters<typeof startController>[2] = {},
    flags: readonly string[] = [],
  ): Promise<Replica> {
    const { controlPlane } = this.#cluster;
    const deployment = (await this.get('deployment', RELEASE)) as Parameters<typeof podTemplate>[0][number];
    const [, ...args] = container(podTemplate([deployment])).args;
    const free = ['--serve=127.0.0.1:0', '--admission=127.0.0.1:0', '--unused-secret-grace=1h'];
    const controller = await startController(controlPlane, [...args, ...free, ...flags], options);
    const port = await until(
      async () => Number(/"admissionPort":(\d+)/.exec(await controller.log())?.[1] ?? 0) || undefined,
      'the webhook to be served',
    );
    return { ...controller, port };
  }

  async secret(): Promise<Secret> {
    return this.#cluster.client.get<Secret>(SECRETS, { namespace: RELEASE, name: WEBHOOK });
  }

  /** Replaces the data of the Secret. */
  async putData(data: Readonly<Record<string, string>>): Promise<void> {
    await until(async () => {
      await this.#cluster.client.replace(SECRETS, { ...(await this.secret()), data } as Secret);
      return true;
    }, 'the Secret to be written');
  }

  /** What the Secret holds. */
  async content(): Promise<Content> {
    const read = readContent((await this.secret()).data, WEBHOOK_HOST, Date.now());
    assert.equal(read.result, 'Usable');
    return read.content;
  }

  async putContent(content: Content): Promise<void> {
    await this.putData(dataOf(content));
  }

  async configuration(): Promise<WebhookConfiguration> {
    return this.#cluster.client.get(MUTATING_WEBHOOKS, { namespace: undefined, name: RELEASE });
  }

  /** The certificates that API servers trust, in PEM. */
  async trusted(): Promise<string> {
    const { webhooks = [] } = await this.configuration();
    return atob(webhooks[0]?.clientConfig.caBundle ?? '');
  }

  /** What the API server says about the last calls of webhooks that failed. */
  async failedCalls(): Promise<string> {
    const log = await readFile(join(this.#cluster.controlPlane.directory, 'kube-apiserver.log'), 'utf8');
    const lines = log.split('\n').filter((line) => line.includes('Failed calling webhook'));
    return lines.slice(-3).join('\n');
  }

  /** Runs `check` with the rights of an administrator. */
  async check(namespace: string): Promise<Ran> {
    return runCommand(this.#cluster.controlPlane, ['check', '--namespace', namespace]);
  }

  /** Adds the endpoint that Kubernetes would add to the Service for a ready pod. */
  async addEndpoint(): Promise<void> {
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: WEBHOOK, namespace: RELEASE, labels: { 'kubernetes.io/service-name': WEBHOOK } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }],
    };
    await this.#cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input: JSON.stringify(slice) });
  }
}

import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { CRDS } from '../../../hack/root.ts';
import {
  type AuditEvent,
  type ControlPlane,
  startControlPlane,
} from '../../../hack/testenv/control-plane/control-plane.ts';
import {
  CONTROLLER_USER,
  installChart,
  RELEASE,
  type RunningController,
  startController,
} from '../../../hack/testenv/controller.ts';
import { secureCodeBoxCrds } from '../../../hack/testenv/securecodebox/crds.ts';
import {
  type ImageCredentialBindingSpec,
  type ImageCredentialBindingStatus,
  imageCredentialBindings,
} from '../../../src/api/index.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { hasReason } from '../../../src/kube/errors.ts';
import type { KubeObject, Resource } from '../../../src/object/object.ts';
import { SCHEDULED_SCANS, SECRETS } from '../../../src/object/resources.ts';
import type { RawScheduledScan } from '../../../src/scan/scheduled-scan.ts';
import { until } from '../until.ts';
import { createPod } from './pods.ts';
import { refusedTo } from './rights.ts';

export { SCHEDULED_SCANS, SECRETS };

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

export type Secret = KubeObject & {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
};
export type Binding = KubeObject & {
  readonly spec: ImageCredentialBindingSpec;
  readonly status?: ImageCredentialBindingStatus;
};

/** What to start in addition to the defaults. */
interface ClusterOptions {
  /** Namespaces that are created before the chart is installed. */
  readonly namespaces?: readonly string[];
  readonly values?: readonly string[];
  readonly apiServerArgs?: readonly string[];
  /** Whether the API server connects to Services through a proxy, for example a `ServiceNetwork`. Off by default. */
  readonly services?: boolean;
  /**
   * Whether the controller lacks rights temporarily or in some namespaces. Otherwise a refused request fails the test.
   */
  readonly lacksRights?: boolean;
  /** On by default. */
  readonly auditLog?: boolean;
  /** Whether kube-controller-manager runs, so that Deployments get pods, and deleted namespaces end. Off by default. */
  readonly controllerManager?: boolean;
  /** Whether the chart is installed. On by default. */
  readonly chart?: boolean;
}

/** A control plane with all CRDs and the chart installed, and an administrator's client. */
export class Cluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly client: KubeClient;
  readonly #transport: Transport;
  readonly #checksRights: boolean;
  #namespaces = 0;

  private constructor(controlPlane: ControlPlane, checksRights: boolean) {
    this.controlPlane = controlPlane;
    this.#checksRights = checksRights;
    const config = new KubeConfig();
    config.loadFromFile(controlPlane.kubeconfig);
    this.#transport = new Transport(config);
    this.client = new KubeClient({ transport: this.#transport, fieldManager: 'test' });
  }

  /** @param options.values - values of the chart, as for Helm's `--set` */
  static async start({
    namespaces = [],
    values = [],
    apiServerArgs = [],
    services = false,
    lacksRights = false,
    auditLog = true,
    controllerManager = false,
    chart = true,
  }: ClusterOptions = {}): Promise<Cluster> {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const controlPlane = await startControlPlane({
      ...{ log, auditLog, controllerManager, services },
      extraApiServerArgs: apiServerArgs,
    });
    try {
      const ours = globSync(join(CRDS, '*.yaml'));
      await controlPlane.installCrds([...ours, ...secureCodeBoxCrds()]);
      for (const name of namespaces) await controlPlane.kubectl(['create', 'namespace', name]);
      if (chart) await installChart(controlPlane, log, values);
      return new Cluster(controlPlane, auditLog && !lacksRights);
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  async startController(...flags: readonly string[]): Promise<RunningController> {
    return startController(this.controlPlane, flags);
  }

  /**
   * Starts a controller that believes to run in a new pod of the chart's namespace. Nothing runs the pod itself, because there
   * is no kubelet. So the test deletes it when the kubelet would: after the process has ended.
   */
  async startControllerInPod(
    name: string,
    ...flags: readonly string[]
  ): Promise<RunningController & { readonly pod: KubeObject }> {
    const pod = await createPod(this.client, { namespace: RELEASE, name, image: 'controller' });
    const env = { POD_NAME: name, POD_UID: pod.metadata.uid ?? '' };
    return { ...(await startController(this.controlPlane, flags, { env })), pod };
  }

  /** Creates a new, empty namespace. */
  async namespace(): Promise<TestNamespace> {
    this.#namespaces += 1;
    const name = `test-${this.#namespaces}`;
    await this.controlPlane.kubectl(['create', 'namespace', name]);
    return new TestNamespace(name, this);
  }

  /**
   * The controller's writes since the audit log had `from` entries, except those of its Lease, which it renews all the
   * time.
   */
  async writesOfController(from = 0): Promise<readonly AuditEvent[]> {
    const events = await this.controlPlane.auditEvents();
    return events
      .slice(from)
      .filter(
        ({ user, verb, objectRef }) =>
          user.username === CONTROLLER_USER && WRITES.has(verb) && objectRef?.resource !== 'leases',
      );
  }

  /** Stops it, and asserts that no request of a controller with the chart's rights was refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.close();
    const refused = this.#checksRights ? await refusedTo(CONTROLLER_USER, this.controlPlane) : [];
    await this.controlPlane.stop();
    assert.deepEqual(refused, []);
  }
}

/** Creates, reads and awaits the objects of one namespace. */
export class TestNamespace {
  readonly name: string;
  readonly #cluster: Cluster;

  constructor(name: string, cluster: Cluster) {
    this.name = name;
    this.#cluster = cluster;
  }

  async pullSecret(name: string, auths: unknown, type = 'kubernetes.io/dockerconfigjson'): Promise<void> {
    const text = typeof auths === 'string' ? auths : JSON.stringify({ auths });
    const data = { '.dockerconfigjson': Buffer.from(text).toString('base64') };
    await this.put(SECRETS, { metadata: { name }, type, data });
  }

  /** Creates a binding that checks no registry by default. */
  async binding(name: string, spec: Partial<ImageCredentialBindingSpec> = {}): Promise<void> {
    const whole = {
      image: 'reg.example/app',
      imagePullSecrets: [{ name: 'pull' }],
      verification: 'Never',
      ...spec,
    };
    await this.put(imageCredentialBindings, { metadata: { name }, spec: whole });
  }

  /** Creates a ScheduledScan that is suspended by default, because no operator runs it here. */
  async scan(
    name: string,
    parameters: readonly string[] = ['reg.example/app:1.0'],
    more: { readonly spec?: object; readonly scanSpec?: object; readonly metadata?: object } = {},
  ): Promise<void> {
    await this.put(SCHEDULED_SCANS, {
      metadata: { name, ...more.metadata },
      spec: {
        interval: '12h',
        suspend: true,
        ...more.spec,
        scanSpec: { scanType: 'trivy-image', parameters, ...more.scanSpec },
      },
    });
  }

  /** Creates an object, or replaces the existing one, whatever its version. */
  async put(resource: Resource, object: KubeObject & Readonly<Record<string, unknown>>): Promise<void> {
    for (;;) {
      try {
        return await this.#put(resource, object);
      } catch (error) {
        if (!hasReason(error, 'Conflict')) throw error;
      }
    }
  }

  async #put(resource: Resource, object: KubeObject & Readonly<Record<string, unknown>>): Promise<void> {
    const { client } = this.#cluster;
    const placed = { ...object, metadata: { ...object.metadata, namespace: this.name } };
    const present = await this.get(resource, object.metadata.name);
    if (present === undefined) await client.create(resource, typed(resource, placed));
    else {
      const { resourceVersion = '' } = present.metadata;
      await client.replace(
        resource,
        typed(resource, { ...placed, metadata: { ...placed.metadata, resourceVersion } }),
      );
    }
  }

  async get<T extends KubeObject>(resource: Resource, name: string): Promise<T | undefined> {
    try {
      // Tests read what they or the controller have created, so the type is known.
      return (await this.#cluster.client.get(resource, { namespace: this.name, name })) as T;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Deletes an object, whatever its version. */
  async delete(resource: Resource, name: string): Promise<void> {
    await until(async () => {
      const object = await this.get(resource, name);
      if (object === undefined) return true;
      const { uid = '', resourceVersion = '' } = object.metadata;
      await this.#cluster.client.delete(resource, { namespace: this.name, name, uid, resourceVersion });
      return true;
    }, `${name} to be deleted`);
  }

  async rawScan(name: string): Promise<RawScheduledScan> {
    const scan = await this.get(SCHEDULED_SCANS, name);
    if (scan === undefined) throw new Error(`there is no ScheduledScan ${name}`);
    return scan as unknown as RawScheduledScan;
  }

  /** Records every version of the objects of a kind: the existing ones, and all changes until it is stopped. */
  record(
    resource: Resource,
    labelSelector?: string,
  ): { readonly stop: () => Promise<readonly KubeObject[]> } {
    const { client } = this.#cluster;
    const selection = { namespace: this.name, ...(labelSelector === undefined ? {} : { labelSelector }) };
    const abort = new AbortController();
    const versions: KubeObject[] = [];
    const start = { resourceVersion: undefined, timeoutSeconds: 300 };
    const watching = (async () => {
      for await (const { type, object } of client.watch(resource, selection, start, abort.signal))
        if (type !== 'BOOKMARK') versions.push(object);
    })();
    const isSeen = ({ metadata: { uid, resourceVersion } }: KubeObject) =>
      versions.some(({ metadata }) => metadata.uid === uid && metadata.resourceVersion === resourceVersion);
    return {
      stop: async () => {
        const { items } = await client.list(resource, selection);
        await until(() => items.every(isSeen), 'the watch to deliver all objects');
        abort.abort();
        await watching.catch(() => undefined);
        return versions;
      },
    };
  }

  /** Waits until a condition of a binding has this status and reason, for the current generation of the spec. */
  async condition(name: string, type: string, wanted: string, seconds?: number): Promise<Binding> {
    let found = 'nothing';
    return until(
      async () => {
        const binding = await this.get<Binding>(imageCredentialBindings, name);
        const condition = binding?.status?.conditions?.find((one) => one.type === type);
        found = JSON.stringify(binding?.status?.conditions);
        if (binding === undefined || condition === undefined) return false;
        if (condition.observedGeneration !== binding.metadata.generation) return false;
        if (`${condition.status} ${condition.reason}` === wanted) return binding;
        throw new Error(`found ${found}`);
      },
      `${type} of ${name} to be ${wanted}`,
      seconds,
    );
  }

  /** Waits until a scan mounts a Trivy Secret, and returns the scan and the Secret's name. */
  async bound(name: string): Promise<{ readonly scan: RawScheduledScan; readonly secretName: string }> {
    return until(async () => {
      const scan = await this.rawScan(name);
      const secretName = secretNameOf(scan);
      return secretName === undefined ? undefined : { scan, secretName };
    }, `${name} to be bound`);
  }

  /** The Docker config file in a Trivy Secret. */
  async trivyConfig(secretName: string): Promise<unknown> {
    const secret = await this.get<Secret>(SECRETS, secretName);
    const config = secret?.data?.['config.json'];
    return config === undefined ? undefined : JSON.parse(Buffer.from(config, 'base64').toString());
  }
}

/** Waits until the controller has written nothing for a while. */
export async function settled(cluster: Cluster): Promise<void> {
  let last = -1;
  let since = performance.now();
  await until(async () => {
    const { length } = await cluster.writesOfController();
    if (length !== last) since = performance.now();
    last = length;
    return performance.now() - since > 700;
  }, 'the controller to stop writing');
}

/** The name of the Trivy Secret that a scan mounts. */
export function secretNameOf(scan: RawScheduledScan): string | undefined {
  const volumes = scan.spec.scanSpec.volumes as
    | readonly { name: string; secret?: { secretName: string } }[]
    | undefined;
  return volumes?.find(({ name }) => name === 'image-credential-binding')?.secret?.secretName;
}

function typed(resource: Resource, object: KubeObject): KubeObject {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  return { apiVersion, kind: resource.kind, ...object };
}

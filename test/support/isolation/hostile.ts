import {
  type ImageCredentialBindingSpec,
  type ImageCredentialBindingStatus,
  imageCredentialBindings,
} from '../../../src/api/index.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../../../src/object/object.ts';
import { atOnce } from '../../bench/estate/at-once.ts';
import { type Binding, SCHEDULED_SCANS, SECRETS } from '../cluster/cluster.ts';

const AT_ONCE = 8;

/** An object to create, without its kind and namespace. */
type Described = Readonly<Record<string, unknown>> & {
  readonly metadata: Omit<KubeObject['metadata'], 'namespace'>;
};

interface Setting {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Size of the attacks; 1: as in the benchmark. */
  readonly scale: number;
  /** The registry that the victim uses as well. */
  readonly registry: string;
  /** Registries that accept connections and never answer. */
  readonly silentRegistries: readonly string[];
}

/** The attacker: may create bindings, ScheduledScans, Scans and Secrets in one namespace. */
export class Hostile {
  readonly registry: string;
  readonly silentRegistries: readonly string[];
  readonly #setting: Setting;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.registry = setting.registry;
    this.silentRegistries = setting.silentRegistries;
  }

  /** Numbers from 0 on: `many` times the scale, but at least `least` of them. */
  count(many: number, least = 1): readonly number[] {
    return [...Array(Math.max(least, Math.round(many * this.#setting.scale))).keys()];
  }

  /** Creates objects, a few at a time. */
  async create(resource: Resource, objects: Iterable<Described>): Promise<void> {
    await atOnce(AT_ONCE, objects, async (object) => {
      await this.createOne(resource, object);
    });
  }

  async createOne(resource: Resource, object: Described): Promise<KubeObject> {
    const { client, namespace } = this.#setting;
    const metadata = { ...object.metadata, namespace };
    return client.create(resource, {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      ...object,
      metadata,
    });
  }

  async patch(resource: Resource, name: string, patch: object): Promise<void> {
    await this.#setting.client.patch(resource, this.#place(name), patch);
  }

  async patchStatus(resource: Resource, name: string, status: object): Promise<void> {
    await this.#setting.client.patchStatus(resource, this.#place(name), { status });
  }

  /** The names of the bindings that have no condition yet. */
  async withoutCondition(): Promise<readonly string[]> {
    const { client, namespace } = this.#setting;
    const names: string[] = [];
    let next: string | undefined;
    do {
      const page = await client.list(imageCredentialBindings, { namespace }, next);
      // The API server lists the requested resource.
      names.push(
        ...(page.items as readonly Binding[]).filter(lacksCondition).map(({ metadata }) => metadata.name),
      );
      next = page.next;
    } while (next !== undefined);
    return names;
  }

  #place(name: string) {
    return { namespace: this.#setting.namespace, name };
  }
}

function lacksCondition({ status }: { readonly status?: ImageCredentialBindingStatus }): boolean {
  return status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason !== '') !== true;
}

/** A binding; by default it names no Secret and has no registry check. */
export function binding(
  name: string,
  spec: Partial<ImageCredentialBindingSpec> & Pick<ImageCredentialBindingSpec, 'image'>,
  metadata: object = {},
): Described {
  return { metadata: { name, ...metadata }, spec: { imagePullSecrets: [], verification: 'Never', ...spec } };
}

/** A ScheduledScan; by default it is due on January 1. */
export function scheduledScan(
  name: string,
  image: string,
  {
    metadata = {},
    spec = { schedule: '0 0 1 1 *' },
  }: { readonly metadata?: object; readonly spec?: object } = {},
): Described {
  return {
    metadata: { name, ...metadata },
    spec: { ...spec, scanSpec: { scanType: 'trivy-image', parameters: [image] } },
  };
}

/** A pull secret with this Docker configuration. */
export function pullSecret(name: string, config: string): Described {
  const data = { '.dockerconfigjson': Buffer.from(config).toString('base64') };
  return { metadata: { name }, type: 'kubernetes.io/dockerconfigjson', data };
}

/** One way in which a namespace could harm others. */
export interface Attack {
  readonly name: string;
  /** Description of its objects for the list of attacks. */
  readonly about: string;
  /** Creates its objects. */
  begin(hostile: Hostile): Promise<void>;
  /** Makes one change. It is called every second after `begin`. */
  change?(hostile: Hostile, count: number): Promise<void>;
}

export { SCHEDULED_SCANS, SECRETS };

import { hasReason, type KubeClient } from '../../../../src/kube/index.ts';
import type { KubeObject, Resource } from '../../../../src/object/index.ts';
import { Redaction } from '../../../scenario/index.ts';
import { CONFIG_MAPS, type ConfigMap, SECRETS, type Secret } from '../objects.ts';

/** A pod cannot start yet. The kubelet retries without a limit. */
export class PodWaiting extends Error {
  override readonly name = 'PodWaiting';
}

/** A pod fails. */
export class PodFailed extends Error {
  override readonly name = 'PodFailed';
}

/** Reads the Secrets and ConfigMaps of a pod's namespace, and remembers the values of Secrets for {@link redact}. */
export class SecretReader {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #redaction = new Redaction();

  constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /**
   * The decoded values of a Secret; undefined: it does not exist, and is optional.
   *
   * @throws PodWaiting if it does not exist, and is not optional
   */
  async read(name: string, optional: boolean): Promise<ReadonlyMap<string, Buffer> | undefined> {
    const secret: Secret | undefined = await this.#get(SECRETS, name, optional);
    if (secret === undefined) return undefined;
    const entries = Object.entries(secret.data ?? {});
    const values = new Map(entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]));
    for (const value of values.values()) this.#redaction.hide(value.toString('utf8'));
    return values;
  }

  /**
   * The values of a ConfigMap; undefined: it does not exist, and is optional.
   *
   * @throws PodWaiting if it does not exist, and is not optional
   */
  async readConfigMap(name: string, optional: boolean): Promise<ReadonlyMap<string, string> | undefined> {
    const configMap: ConfigMap | undefined = await this.#get(CONFIG_MAPS, name, optional);
    return configMap === undefined ? undefined : new Map(Object.entries(configMap.data ?? {}));
  }

  async #get<Kind extends KubeObject>(
    resource: Resource,
    name: string,
    optional: boolean,
  ): Promise<Kind | undefined> {
    try {
      return await this.#client.get<Kind>(resource, { namespace: this.#namespace, name });
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      if (optional) return undefined;
      throw new PodWaiting(`${resource.kind.toLowerCase()} "${name}" not found`);
    }
  }

  /** The text with the values of all Secrets that were read replaced. */
  redact(text: string): string {
    return this.#redaction.redact(text);
  }
}

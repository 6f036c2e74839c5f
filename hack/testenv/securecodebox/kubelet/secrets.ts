import { hasReason, type KubeClient } from '../../../../src/kube/index.ts';
import type { KubeObject, Resource } from '../../../../src/object/index.ts';
import { CONFIG_MAPS, type ConfigMap, SECRETS, type Secret } from '../objects.ts';

/** Shorter values are not redacted. */
const MIN_REDACTED_LENGTH = 4;

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
  readonly #hidden = new Set<string>();

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
    for (const value of values.values()) this.#hide(value.toString('utf8'));
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
    let redacted = text;
    for (const value of [...this.#hidden].toSorted((a, b) => b.length - a.length)) {
      redacted = redacted.replaceAll(value, '[redacted]');
    }
    return redacted;
  }

  #hide(text: string): void {
    for (const value of [text, ...leaves(text), ...assigned(text)]) {
      for (const form of [value.trim(), Buffer.from(value).toString('base64'), ...decodedPair(value)]) {
        if (form.length >= MIN_REDACTED_LENGTH) this.#hidden.add(form);
      }
    }
  }
}

/** The texts in a JSON document. */
function leaves(text: string): readonly string[] {
  const found: string[] = [];
  try {
    JSON.parse(text, (_key, value: unknown) => {
      if (typeof value === 'string') found.push(value);
      return value;
    });
  } catch {
    // The text is not JSON.
  }
  return found;
}

/** The values in a file of `name = value` lines. */
function assigned(text: string): readonly string[] {
  return [...text.matchAll(/^[^=\n]+=(?<value>.+)$/gm)].map((match) => match.groups?.['value']?.trim() ?? '');
}

/** The password in the base64 of `user:password`. */
function decodedPair(text: string): readonly string[] {
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon === -1 ? [] : [decoded.slice(colon + 1)];
}

import { hasReason, type KubeClient } from '../../../../src/kube/index.ts';
import { Redaction } from '../../../scenario/index.ts';
import { SECRETS, type Secret } from '../objects.ts';

/** A pod cannot start yet. The kubelet retries without a limit. */
export class PodWaiting extends Error {
  override readonly name = 'PodWaiting';
}

/** A pod fails. */
export class PodFailed extends Error {
  override readonly name = 'PodFailed';
}

/** Reads the Secrets of a pod's namespace, and remembers their values for {@link redact}. */
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
    try {
      const secret: Secret = await this.#client.get(SECRETS, { namespace: this.#namespace, name });
      const entries = Object.entries(secret.data ?? {});
      const values = new Map(entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]));
      for (const value of values.values()) this.#redaction.hide(value.toString('utf8'));
      return values;
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      if (optional) return undefined;
      throw new PodWaiting(`secret "${name}" not found`);
    }
  }

  /** The text with the values of all Secrets that were read replaced. */
  redact(text: string): string {
    return this.#redaction.redact(text);
  }
}

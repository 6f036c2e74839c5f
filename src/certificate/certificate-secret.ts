import { hasReason, type KubeClient, KubeError } from '../kube/index.ts';
import { type KubeObject, SECRETS } from '../object/index.ts';
import { type Content, dataOf, type ReadContent, readContent } from './content.ts';

/** Limit on attempts to write an object while other clients write it, too. */
const MOST_ATTEMPTS = 5;
const LONGEST_REQUEST_MS = 10_000;

/** Where the certificates are kept. The Service in front of the webhook has the same name and namespace. */
export interface CertificatePlace {
  readonly namespace: string;
  readonly name: string;
}

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/** The Secret with the certificates of the webhook. The chart creates and deletes it; this class writes its data. */
export class CertificateSecret {
  readonly #client: KubeClient;
  readonly #place: CertificatePlace;
  /** The DNS name of the Service. API servers contact and verify it. */
  readonly host: string;

  constructor(client: KubeClient, place: CertificatePlace) {
    this.#client = client;
    this.#place = place;
    this.host = `${place.name}.${place.namespace}.svc`;
  }

  /**
   * @returns the object, to be written, and what it holds
   * @throws MissingSecret, KubeError
   */
  async read(): Promise<{ readonly secret: Secret; readonly read: ReadContent }> {
    const secret = await this.#get();
    return { secret, read: readContent(secret.data, this.host, Date.now()) };
  }

  /**
   * Writes the content into the version that was read.
   *
   * @throws KubeError: `Conflict` if the Secret has another version by now; its message quotes no data
   */
  async write(secret: Secret, content: Content): Promise<void> {
    const data = { ...secret.data, ...dataOf(content) };
    await this.#client.replace(SECRETS, { ...secret, data }, bounded()).catch((error: unknown) => {
      throw withoutText(error, this.#place);
    });
  }

  async #get(): Promise<Secret> {
    try {
      return await this.#client.get<Secret>(SECRETS, this.#place, bounded());
    } catch (error) {
      if (hasReason(error, 'NotFound')) throw new MissingSecret(this.#place);
      throw error;
    }
  }
}

/** The chart has not created the Secret, or a user has deleted it. */
export class MissingSecret extends Error {
  override readonly name = 'MissingSecret';

  constructor({ namespace, name }: CertificatePlace) {
    super(
      `expected the Secret ${namespace}/${name}, which the chart creates, found none; run helm upgrade with the values of the ` +
        'release',
    );
  }
}

/** Removes the API server's text, because it may quote the Secret's data (docs/adr/0005). */
function withoutText(error: unknown, { namespace, name }: CertificatePlace): unknown {
  if (!(error instanceof KubeError) || error.status === 0) return error;
  const { status, reason } = error;
  return new KubeError(`updating Secret ${namespace}/${name} failed: ${reason} (${status})`, {
    status,
    reason,
  });
}

/** Without a limit, a request is retried for as long as the API server cannot be reached. */
function bounded(): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(LONGEST_REQUEST_MS) };
}

/** Calls `change` again, to decide with the newest version, if another client has written in the meantime. */
export async function withNewestVersion<T>(change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await change();
    } catch (error) {
      if (!hasReason(error, 'Conflict') || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

import type { Logger } from 'pino';
import { type CertificateSecret, withNewestVersion } from './certificate-secret.ts';
import type { Content } from './content.ts';
import { expiresAt, type KeyPair } from './key-pair.ts';
import { completed, isRenewalDue, renewed } from './renewal.ts';

/** Keeps a valid serving certificate in the Secret. Every replica has a keeper. */
export class CertificateKeeper {
  readonly #secret: CertificateSecret;
  readonly #isLeading: () => boolean;
  readonly #log: Logger;

  constructor(options: {
    readonly secret: CertificateSecret;
    readonly isLeading: () => boolean;
    readonly log: Logger;
  }) {
    this.#secret = options.secret;
    this.#isLeading = options.isLeading;
    this.#log = options.log;
  }

  /**
   * The serving certificate in the Secret. If there is none that can be used, creates it: any replica does so, because the leader
   * may be a process without a webhook, during an upgrade. Only the leader renews a certificate that still can be used. If that
   * fails, this method fails, too. The caller then keeps the certificate that it has, and calls again.
   *
   * @throws MissingSecret, KubeError
   */
  async serving(): Promise<KeyPair> {
    return withNewestVersion(async () => {
      const { secret, read } = await this.#secret.read();
      const now = Date.now();
      if (read.result === 'Usable') return (await this.#renewed(secret, read.content, now)).serving;
      const content = await completed(read, this.#secret.host, now);
      await this.#secret.write(secret, content);
      this.#log.warn(
        { cause: read.problem, isAuthorityNew: read.result === 'NoAuthority', ...expirationOf(content) },
        'admission certificate created',
      );
      return content.serving;
    });
  }

  async #renewed(
    secret: Parameters<CertificateSecret['write']>[0],
    content: Content,
    now: number,
  ): Promise<Content> {
    if (!this.#isLeading() || !isRenewalDue(content, now)) return content;
    const next = await renewed(content, this.#secret.host, now);
    await this.#secret.write(secret, next);
    this.#log.info(expirationOf(next), 'admission certificate renewed');
    return next;
  }
}

function expirationOf({ serving }: Content): { readonly expires: string } {
  return { expires: new Date(expiresAt(serving.certificate)).toISOString() };
}

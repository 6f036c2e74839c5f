import { createHmac, randomBytes } from 'node:crypto';
import type { SourceCredential } from '../platform/index.ts';

/** Keyed hashes that stand for credentials in keys. The key of the hash ends with the process. */
export class Fingerprints {
  readonly #hashKey = randomBytes(32);
  /** A credential does not change, and a hash is 20 times as slow as this. */
  readonly #known = new WeakMap<SourceCredential, string>();

  /** Equal for equal credentials. Empty without a credential. */
  of(credential: SourceCredential | undefined): string {
    if (credential === undefined) return '';
    const known = this.#known.get(credential);
    if (known !== undefined) return known;
    const hash = createHmac('sha256', this.#hashKey).update(JSON.stringify(revealed(credential)));
    const fingerprint = hash.digest('base64');
    this.#known.set(credential, fingerprint);
    return fingerprint;
  }
}

function revealed(credential: SourceCredential): readonly string[] {
  switch (credential.kind) {
    case 'platform':
      return ['platform', credential.identity.reveal()];
    case 'basic':
      return ['basic', credential.username.reveal(), credential.password.reveal()];
    case 'identityToken':
      return ['identityToken', credential.token.reveal()];
    case 'registryToken':
      return ['registryToken', credential.token.reveal()];
  }
}

import { createHmac, randomBytes } from 'node:crypto';
import type { SourceCredential } from '../platform/index.ts';

/** Keyed hashes that identify credentials in keys. The key of the hash exists only as long as the process. */
export class Fingerprints {
  readonly #hashKey = randomBytes(32);
  /** Caches the hashes: a credential does not change, and a hash takes 20 times as long as this lookup. */
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

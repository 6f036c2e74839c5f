import { type Candidate, lookup } from '../credential/index.ts';
import type { ValidBinding } from './binding.ts';
import type { NamedSecret } from './pull-secret.ts';

/** What the secrets that a binding names hold for its image. */
export interface Credentials {
  /** In the binding's order. */
  readonly secrets: readonly NamedSecret[];
  /** Those that fit, in the order in which they would be tried. */
  readonly candidates: readonly Candidate[];
}

/** Which credential the scans of a binding are to use. */
export type Resolution =
  | { readonly result: 'Selected'; readonly candidate: Candidate }
  /** The binding names no secrets: the image needs none. */
  | { readonly result: 'NoneNeeded' }
  | { readonly result: 'Unresolved'; readonly reason: UnusableReason };

type UnusableReason = 'NoMatch' | 'SecretNotFound' | 'SecretWrongType' | 'SecretMalformed';

/** Finds among the secrets that a binding names what fits its image. */
export function credentialsOf(binding: ValidBinding, secrets: readonly NamedSecret[]): Credentials {
  const found = secrets.filter((secret) => secret.state === 'Found');
  return { secrets, candidates: lookup(found, binding.image) };
}

/** Chooses: the first that fits. Where none does, a secret that cannot be used is the reason before `NoMatch`. */
export function resolve({ secrets, candidates }: Credentials): Resolution {
  const [candidate] = candidates;
  if (candidate !== undefined) return { result: 'Selected', candidate };
  if (secrets.length === 0) return { result: 'NoneNeeded' };
  const reasons = secrets.map(unusableReason);
  return { result: 'Unresolved', reason: reasons.find((reason) => reason !== 'NoMatch') ?? 'NoMatch' };
}

/** Why a secret gives no credential for an image that none of its entries fits. */
export function unusableReason(secret: NamedSecret): UnusableReason {
  switch (secret.state) {
    case 'Missing':
      return 'SecretNotFound';
    case 'WrongType':
      return 'SecretWrongType';
    case 'Malformed':
      return 'SecretMalformed';
    case 'Found':
      return secret.problems.length === 0 ? 'NoMatch' : 'SecretMalformed';
  }
}

import type { Candidate as Fitting } from '../credential/index.ts';
import type { SourceCredential } from '../platform/index.ts';

/**
 * What fits a binding's image: an entry of a pull secret, or a credential that its owner has offered to the registry; the
 * host is then its key.
 */
export type Candidate = Fitting<SourceCredential>;

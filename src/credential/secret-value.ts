import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A secret string that only leaves through {@link SecretValue.reveal}: printing, logging, inspecting or
 * serialising the object shows `[redacted]`.
 */
export class SecretValue {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself. Call it only where it goes to Trivy's Secret or to the registry that it is for. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

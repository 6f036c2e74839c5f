import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A secret string that only {@link SecretValue.reveal} returns. Printing, logging, inspecting or serializing the object
 * shows `[redacted]`.
 */
export class SecretValue {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself. Use it only to write a Trivy Secret, or to send it to the registry that it is for. */
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

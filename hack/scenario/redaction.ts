/** Values that are shorter are not redacted. */
const MIN_LENGTH = 4;

/** Removes the values of Secrets from texts, also in the forms in which Docker config files and cloud key files hold them. */
export class Redaction {
  readonly #hidden = new Set<string>();

  /** @param text - a value of a Secret: a password, a Docker config file, a PEM file, or a file of `name = value` lines */
  hide(text: string): void {
    for (const value of [text, ...leaves(text), ...assigned(text), ...pemLines(text)]) {
      for (const form of [value.trim(), Buffer.from(value).toString('base64'), ...decodedPair(value)]) {
        if (form.length >= MIN_LENGTH) this.#hidden.add(form);
      }
    }
  }

  /** The text with all hidden values replaced. */
  redact(text: string): string {
    let redacted = text;
    for (const value of [...this.#hidden].toSorted((a, b) => b.length - a.length)) {
      redacted = redacted.replaceAll(value, '[redacted]');
    }
    return redacted;
  }
}

/** The texts in a JSON document, and their lines, because a private key has several. */
function leaves(text: string): readonly string[] {
  const found: string[] = [];
  try {
    JSON.parse(text, (_key, value: unknown) => {
      if (typeof value === 'string') found.push(value, ...value.split('\n'));
      return value;
    });
  } catch {
    // The text is not JSON.
  }
  return found;
}

/** The lines of a private key, because a log may show only one of them. */
function pemLines(text: string): readonly string[] {
  return text.startsWith('-----BEGIN ') ? text.split('\n') : [];
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

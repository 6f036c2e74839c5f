import { InvalidArgumentError } from 'commander';
import { DNS_LABEL, DNS_SUBDOMAIN } from '../../object/index.ts';

/** Parses the value of a flag that names a namespace. */
export function parseNamespace(text: string): string {
  return parseName(text, DNS_LABEL, 'a namespace: at most 63 lower-case letters, digits and "-"');
}

/** Parses the value of a flag that names an object. */
export function parseObjectName(text: string): string {
  return parseName(text, DNS_SUBDOMAIN, 'a name of lower-case letters, digits, "-" and "."');
}

function parseName(text: string, pattern: RegExp, expected: string): string {
  if (!pattern.test(text)) throw new InvalidArgumentError(`Expected ${expected}.`);
  return text;
}

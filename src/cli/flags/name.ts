import { InvalidArgumentError } from 'commander';

/** The name of a namespace (RFC 1123). */
export const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/** A flag's namespace. */
export function parseNamespace(text: string): string {
  return parseName(text, DNS_LABEL, 'a namespace: at most 63 lower-case letters, digits and "-"');
}

/** A flag's name of an object. */
export function parseObjectName(text: string): string {
  return parseName(text, DNS_SUBDOMAIN, 'a name of lower-case letters, digits, "-" and "."');
}

function parseName(text: string, pattern: RegExp, expected: string): string {
  if (!pattern.test(text)) throw new InvalidArgumentError(`Expected ${expected}.`);
  return text;
}

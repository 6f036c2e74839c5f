import { quoted, typosBetween } from '../../text/index.ts';
import { type Hosts, includesHost, isLiteral, labelMatches } from '../registry-key.ts';
import type { DescribeVariant, Difference } from './difference.ts';

/** Two hosts of one domain have this many labels at the end in common. */
const DOMAIN_LABELS = 2;
/** A label of this length shows that a domain belongs to somebody. Otherwise, `co.uk` would be a domain. */
const OWN_LABEL = 4;
/** A host may have one typo for each part of this length. */
const LENGTH_PER_TYPO = 4;

/**
 * How the host of a key differs from the host of an image, regardless of their ports.
 *
 * @returns 'Same': the key names the host. undefined: they have nothing in common.
 */
export function hostDifference(
  key: Hosts,
  image: Hosts,
  describeVariant: DescribeVariant,
): Difference | 'Same' | undefined {
  if (matches(key.labels, image.labels)) return 'Same';
  const [named, wanted] = [lower(key.labels), lower(image.labels)];
  if (matches(named, wanted))
    return { distance: 1, clause: "its host differs from the image's in letter case" };
  return (
    wildcardDifference(named, wanted) ??
    variantDifference(named, wanted, describeVariant) ??
    typoDifference(named, wanted) ??
    domainDifference(named, wanted)
  );
}

function matches(labels: readonly string[], wanted: readonly string[]): boolean {
  return includesHost({ labels, port: '' }, { labels: wanted, port: '' });
}

function lower(labels: readonly string[]): readonly string[] {
  return labels.map((label) => label.toLowerCase());
}

/** A `*`, or a dot at the beginning, that was meant to include more hosts than it does. */
function wildcardDifference(named: readonly string[], wanted: readonly string[]): Difference | undefined {
  const [first = '', ...rest] = named;
  if (first === '' && rest.length > 0 && endsWith(wanted, rest))
    return { distance: 2, clause: 'it begins with a dot, which is not a wildcard' };
  if (isLiteral({ labels: named, port: '' }) || named.length === wanted.length) return undefined;
  const lastStar = named.findLastIndex((label) => label.includes('*'));
  if (!endsWith(wanted, named.slice(lastStar + 1))) return undefined;
  const clause = `its host has ${labelCount(named)} and the image's ${labelCount(wanted)}, and "*" matches only within one label`;
  return { distance: 2, clause };
}

function endsWith(labels: readonly string[], end: readonly string[]): boolean {
  return end.length <= labels.length && end.every((label, index) => label === labels.at(index - end.length));
}

function labelCount({ length }: readonly string[]): string {
  return length === 1 ? '1 label' : `${length} labels`;
}

function variantDifference(
  named: readonly string[],
  wanted: readonly string[],
  describeVariant: DescribeVariant,
): Difference | undefined {
  const clause = describeVariant(resolved(named, wanted));
  return clause === undefined ? undefined : { distance: 3, clause, doubt: 'Other' };
}

/** The named host, where each label with a `*` that matches is replaced by the label that it matches. */
function resolved(named: readonly string[], wanted: readonly string[]): string {
  if (named.length !== wanted.length) return named.join('.');
  return named
    .map((pattern, index) => (labelMatches(pattern, wanted[index] ?? '') ? wanted[index] : pattern))
    .join('.');
}

function typoDifference(named: readonly string[], wanted: readonly string[]): Difference | undefined {
  const [name, host] = [resolved(named, wanted), wanted.join('.')];
  const typos = typosBetween(name, host);
  if (typos === undefined || typos > host.length / LENGTH_PER_TYPO) return undefined;
  const count = typos === 1 ? '1 character' : `${typos} characters`;
  const clause = `its host differs from the image's, ${quoted(host)}, in ${count}`;
  return { distance: 2 + typos, clause, doubt: 'Typo' };
}

function domainDifference(named: readonly string[], wanted: readonly string[]): Difference | undefined {
  const domain = wanted.slice(-DOMAIN_LABELS);
  if (domain.length < DOMAIN_LABELS || !endsWith(named, domain)) return undefined;
  if (!domain.some((label) => label.length >= OWN_LABEL && !/^\d+$/.test(label))) return undefined;
  return {
    distance: 5,
    clause: `it names another host in the domain ${quoted(domain.join('.'))} than the image`,
    doubt: 'Other',
  };
}

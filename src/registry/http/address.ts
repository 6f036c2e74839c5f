import { BlockList, isIP } from 'node:net';

/**
 * The kind of an IP address. `local` addresses (loopback, link-local including the metadata services of clouds, unspecified,
 * multicast, reserved) belong to this machine or its link, and are never contacted. `private` addresses belong to the
 * surrounding network.
 */
export type AddressKind = 'public' | 'private' | 'local';

const LOCAL: readonly string[] = [
  // iana.org/assignments/iana-ipv4-special-registry
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24', // Oracle's metadata: 192.0.0.192
  '224.0.0.0/4',
  '240.0.0.0/4',
  '100.100.100.200/32', // Alibaba's metadata
  '168.63.129.16/32', // Azure's WireServer
  // iana.org/assignments/iana-ipv6-special-registry
  '::/128',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::/32', // AWS: metadata fd00:ec2::254, DNS, time, pod identity fd00:ec2::23
  'fd20:ce::254/128', // Google's metadata
  'fd00:c1::a9fe:a9fe/128', // Oracle's metadata
];

const PRIVATE: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '198.18.0.0/15',
  'fc00::/7',
  'fec0::/10',
  '64:ff9b:1::/48', // local-use translation, RFC 8215
];

const local = blockList(LOCAL);
const privates = blockList(PRIVATE);

/**
 * The kind of an address. An IPv6 address that embeds an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) gets
 * the more restrictive kind of the two, because a translator on the path may connect to the embedded address.
 *
 * @param address - as written by `node:net` and `node:dns`, or in brackets as in a URL
 * @returns `local` if the text is not an address
 */
export function addressKind(address: string): AddressKind {
  const bare = address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  if (isIP(bare) === 0) return 'local';
  if (isIP(bare) === 4) return listed(bare, 'ipv4');
  const kinds = [listed(bare, 'ipv6'), ...embeddedIPv4(bare).map((each) => listed(each, 'ipv4'))];
  return KINDS_WORST_FIRST.find((kind) => kinds.includes(kind)) ?? 'local';
}

const KINDS_WORST_FIRST: readonly AddressKind[] = ['local', 'private', 'public'];

function listed(address: string, family: 'ipv4' | 'ipv6'): AddressKind {
  if (local.check(address, family)) return 'local';
  return privates.check(address, family) ? 'private' : 'public';
}

interface Embedding {
  readonly prefix: BlockList;
  /** The IPv4 addresses in the eight groups of such an address. */
  readonly read: (groups: Groups) => readonly string[];
}

type Groups = readonly number[];

const lastTwo = ([, , , , , , g = 0, h = 0]: Groups) => [dotted(g, h)];

const EMBEDDINGS: readonly Embedding[] = [
  // Compatible and mapped (RFC 4291, 2.5.5), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215).
  {
    prefix: blockList(['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48']),
    read: lastTwo,
  },
  // 6to4 (RFC 3056).
  { prefix: blockList(['2002::/16']), read: ([, b = 0, c = 0]) => [dotted(b, c)] },
  // Teredo (RFC 4380): the server, and the client with inverted bits.
  {
    prefix: blockList(['2001::/32']),
    read: ([, , c = 0, d = 0, , , g = 0, h = 0]) => [dotted(c, d), dotted(~g & 0xffff, ~h & 0xffff)],
  },
];

/** The IPv4 addresses that an IPv6 address embeds, according to its form. */
function embeddedIPv4(address: string): readonly string[] {
  const all = groups(address);
  const [, , , , e = 0, f = 0] = all;
  const found = EMBEDDINGS.flatMap(({ prefix, read }) => (prefix.check(address, 'ipv6') ? read(all) : []));
  // ISATAP (RFC 5214), after any prefix.
  const isatap = (e & 0xfdff) === 0 && f === 0x5efe;
  return isatap ? [...found, ...lastTwo(all)] : found;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/** The eight groups of a valid IPv6 address. */
function groups(address: string): Groups {
  const hex = address.replace(/(?:\d+\.){3}\d+$/, hexOfIPv4);
  const [head = '', tail] = hex.split('::');
  const numbers = (part: string) => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const [before, after] = [numbers(head), numbers(tail ?? '')];
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** An IPv4 address as the last two groups of an IPv6 address. */
function hexOfIPv4(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(':');
}

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/');
    list.addSubnet(network, Number(prefix), isIP(network) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/**
 * Prints the look-ups per second of a keyring compared with a walk over all its entries, and the cost of parsing a pull
 * secret: `npm run bench -- keyring`. Figures depend on this machine and its current load. Compare them only within one run.
 */
import { lookup } from '../../src/credential/keyring.ts';
import { parsePullSecret } from '../../src/credential/pull-secret.ts';
import { hostsOf, includesHost, parseRegistryKey } from '../../src/credential/registry-key.ts';
import { parseImageReference } from '../../src/image/reference.ts';

const MILLISECONDS = 1_000;
const IMAGE = parseImageReference('registry-7.example.com:5000/team-7/app:1.0');

/** The second is the limit on entries. */
for (const count of [10, 256]) {
  const value = pullSecret(count);
  const content = parsePullSecret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': value });
  if (content.result === 'Malformed') throw new Error(content.message);
  const { entries, keyring } = content;
  const secrets = [{ name: 'pull', keyring }];
  const keys = entries.flatMap(({ registryKey }) => parseRegistryKey(registryKey) ?? []);
  const hosts = hostsOf(IMAGE.host);
  const walk = () =>
    keys.filter((key) => `/${IMAGE.repository}`.startsWith(key.path) && includesHost(key.hosts, hosts));

  const found = lookup(secrets, IMAGE).candidates.length;
  if (found !== 3 || walk().length !== found)
    throw new Error(`${found} and ${walk().length} of 3 entries found`);
  const indexed = perSecond(() => lookup(secrets, IMAGE));
  const linear = perSecond(walk);
  const parses = perSecond(() =>
    parsePullSecret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': value }),
  );
  print(
    `${count} entries: ${rounded(indexed)} look-ups per second; walk over parsed keys ${rounded(linear)} ` +
      `(${(indexed / linear).toFixed(1)} times); parsing ${(1_000 / parses).toFixed(2)} ms (${rounded(value.length / 1_024)} KiB)`,
  );
}

/** A pull secret with `count` entries of different hosts. One has a path, and one is a glob. */
function pullSecret(count: number): string {
  const keys = Array.from({ length: count - 2 }, (_, index) => `https://registry-${index}.example.com:5000`);
  const auths = [...keys, 'registry-7.example.com:5000/team', '*.example.com:5000'].map((key) => [
    key,
    { auth: Buffer.from(`user:${key}-${'p'.repeat(20)}`).toString('base64') },
  ]);
  return Buffer.from(JSON.stringify({ auths: Object.fromEntries(auths) })).toString('base64');
}

function perSecond(action: () => unknown): number {
  const start = performance.now();
  let times = 0;
  while (performance.now() - start < MILLISECONDS) {
    action();
    times += 1;
  }
  return (times / (performance.now() - start)) * 1_000;
}

function rounded(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

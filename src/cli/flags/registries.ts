import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';
import type { RegistrySettings } from '../../registry/index.ts';
import { parseDuration } from './duration.ts';

const SHORTEST_INTERVAL_MS = 1_000;
/** The host of a registry as in an image reference. `*` matches a label, a part of a label, or a port. */
const PATTERN = /^[a-z0-9*](?:[a-z0-9*.-]*[a-z0-9*])?(?::(?:\d{1,5}|\*))?$/i;
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** The values of {@link registryFlags}. The interval is in milliseconds. */
export interface RegistryFlags {
  readonly checkInterval: number;
  readonly allowedRegistries: readonly string[];
  readonly deniedRegistries: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly privateRealms: readonly string[];
  readonly registryCaFile?: string;
  readonly localAddresses: readonly string[];
}

/** The flags that configure access to registries. */
export function registryFlags(): readonly Option[] {
  return [
    new Option(
      '--check-interval <duration>',
      'how long a credential that a registry has accepted counts as verified before it is checked again',
    )
      .env('ICB_CHECK_INTERVAL')
      .argParser(parseInterval)
      .default(12 * 3_600_000, '12h'),
    list(
      '--allowed-registries <hosts>',
      'registries that the controller may contact, with * for a label of the host name or a part of one; if empty, all',
      listOf(PATTERN, 'registry hosts such as registry.example or *.example:5000'),
    ),
    list(
      '--denied-registries <hosts>',
      'registries, token servers and redirect targets that the controller never contacts, in the form of --allowed-registries; takes precedence over it',
      listOf(PATTERN, 'registry hosts such as registry.example or *.example:5000'),
    ),
    list(
      '--insecure-registries <hosts>',
      'registries and token servers whose certificates are not verified, and that may be contacted over plain HTTP; exact hosts',
      listOf(HOST, 'hosts such as registry.example:5000'),
    ),
    list(
      '--private-realms <hosts>',
      'token servers that may have a private address although their registry has a public one; exact hosts',
      listOf(HOST, 'hosts such as auth.example'),
    ),
    new Option(
      '--registry-ca-file <file>',
      'PEM file with CA certificates to trust for registries, in addition to the public ones that Node contains',
    ).env('ICB_REGISTRY_CA_FILE'),
    list(
      '--local-addresses <addresses>',
      'for tests only: loopback and link-local addresses that may be contacted',
      parseAddresses,
    ),
  ];
}

/**
 * The settings for access to registries, from the flags and the proxy variables of the environment.
 *
 * @throws Error, with a message for the user, if the CA file cannot be read or a proxy variable is invalid
 */
export async function registrySettings(flags: RegistryFlags): Promise<RegistrySettings> {
  // Imported here, so that --help does not load it.
  const { DEFAULT_REGISTRY_SETTINGS, lookupPlaces, proxySettings } = await import('../../registry/index.ts');
  const { checkInterval, registryCaFile } = flags;
  const { refusedTtl, unreachableTtl } = DEFAULT_REGISTRY_SETTINGS;
  return {
    ...DEFAULT_REGISTRY_SETTINGS,
    concurrentLookups: lookupPlaces(process.env),
    acceptedTtl: checkInterval,
    refusedTtl: Math.min(refusedTtl, checkInterval),
    unreachableTtl: Math.min(unreachableTtl, checkInterval),
    allow: flags.allowedRegistries,
    deny: flags.deniedRegistries,
    insecure: flags.insecureRegistries,
    privateRealms: flags.privateRealms,
    localAddresses: flags.localAddresses,
    certificateAuthorities:
      registryCaFile === undefined || registryCaFile === ''
        ? undefined
        : await readCertificates(registryCaFile),
    proxy: proxySettings(process.env),
  };
}

async function readCertificates(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(`--registry-ca-file cannot be read: ${problem}; correct the path, or its permissions`);
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new Error(
    `--registry-ca-file: expected certificates in PEM (-----BEGIN CERTIFICATE-----), found none in ${file}; correct the file`,
  );
}

function list(flags: string, description: string, parse: (text: string) => readonly string[]): Option {
  const name = flags.slice(2, flags.indexOf(' '));
  const variable = `ICB_${name.replaceAll('-', '_').toUpperCase()}`;
  return new Option(flags, description).env(variable).argParser(parse).default([], 'none');
}

function listOf(pattern: RegExp, expected: string): (text: string) => readonly string[] {
  return (text) => {
    const entries = split(text);
    const wrong = entries.find((entry) => !pattern.test(entry));
    if (wrong === undefined) return entries;
    throw new InvalidArgumentError(`Expected ${expected}, separated by commas; found "${wrong}".`);
  };
}

function parseAddresses(text: string): readonly string[] {
  const entries = split(text);
  const wrong = entries.find((entry) => isIP(entry) === 0);
  if (wrong === undefined) return entries;
  throw new InvalidArgumentError(`Expected IP addresses, separated by commas; found "${wrong}".`);
}

function split(text: string): readonly string[] {
  return text === '' ? [] : text.split(',').map((entry) => entry.trim());
}

function parseInterval(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds >= SHORTEST_INTERVAL_MS) return milliseconds;
  throw new InvalidArgumentError('Expected a duration of 1s or more.');
}

import { parseArgs } from 'node:util';
import {
  formatReference,
  type ImageReference,
  ImageReferenceError,
  parseImageReference,
  repositoryName,
} from '../../src/image/index.ts';
import { DNS_LABEL, DNS_SUBDOMAIN } from '../../src/object/index.ts';
import { parseGoDuration } from '../../src/scan/index.ts';
import { quoted } from '../../src/text/index.ts';

/** The name of an object in a namespace. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** An image, and the pull secret for it. */
interface ImageSource {
  readonly image: ImageReference;
  readonly pullSecret: ObjectName;
}

/** What the acceptance run does. */
export interface Options extends ImageSource {
  /** The password change; undefined: it is skipped. */
  readonly rotation:
    | {
        readonly pullSecret: ObjectName;
        /** A shell command that runs before the pull secret changes; undefined: none. */
        readonly command: string | undefined;
      }
    | undefined;
  /** The new repository, with the tag and digest of the image; undefined: the migration is skipped. */
  readonly migration: ImageSource | undefined;
  readonly namespace: string;
  /** undefined: the first ScanType with the usual name. */
  readonly scanType: ObjectName | undefined;
  /** Parameters of the scan before the image. */
  readonly trivyArgs: readonly string[];
  /** Limit on one Scan, in seconds. */
  readonly scanSeconds: number;
  /** Whether the command creates the binding even if discovery is on. */
  readonly createsBinding: boolean;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly isConfirmed: boolean;
  readonly keepsNamespace: boolean;
}

/** The command was used incorrectly. The message says what was expected, what was found, and what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const FLAGS = {
  image: { type: 'string' },
  'pull-secret': { type: 'string' },
  'rotated-pull-secret': { type: 'string' },
  'rotate-command': { type: 'string' },
  'new-image': { type: 'string' },
  'new-pull-secret': { type: 'string' },
  namespace: { type: 'string', short: 'n', default: 'icb-acceptance' },
  'scan-type': { type: 'string' },
  'trivy-args': { type: 'string', default: '' },
  timeout: { type: 'string', default: '10m' },
  'create-binding': { type: 'boolean', default: false },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  yes: { type: 'boolean', short: 'y', default: false },
  keep: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>['values'];

/**
 * Parses the command line.
 *
 * @returns undefined for `--help`
 * @throws UsageError
 */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = valuesOf(args);
  if (values.help) return undefined;
  const source = {
    image: versionedImage(required(values, 'image')),
    pullSecret: objectName('--pull-secret', required(values, 'pull-secret')),
  };
  const rotation = rotationOf(values);
  return {
    ...source,
    rotation,
    migration: migrationOf(values, source.image, rotation?.pullSecret ?? source.pullSecret),
    namespace: namespaceOf(values.namespace),
    scanType: optional('--scan-type', values['scan-type']),
    trivyArgs: values['trivy-args'].split(/\s+/).filter((argument) => argument !== ''),
    scanSeconds: secondsOf(values.timeout),
    createsBinding: values['create-binding'],
    kubeconfig: values.kubeconfig,
    context: values.context,
    isConfirmed: values.yes,
    keepsNamespace: values.keep,
  };
}

function valuesOf(args: readonly string[]): Values {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function required(values: Values, name: 'image' | 'pull-secret'): string {
  const value = values[name];
  if (value !== undefined) return value;
  throw new UsageError(`expected the flag --${name}, found none; add it`);
}

function rotationOf(values: Values): Options['rotation'] {
  const pullSecret = optional('--rotated-pull-secret', values['rotated-pull-secret']);
  const command = values['rotate-command'];
  if (pullSecret !== undefined) return { pullSecret, command };
  if (command === undefined) return undefined;
  throw new UsageError(
    'expected --rotated-pull-secret with --rotate-command, found none; name the Secret with the new password',
  );
}

function migrationOf(values: Values, image: ImageReference, pullSecret: ObjectName): Options['migration'] {
  const text = values['new-image'];
  const own = optional('--new-pull-secret', values['new-pull-secret']);
  if (text === undefined) {
    if (own === undefined) return undefined;
    throw new UsageError(
      'expected --new-image with --new-pull-secret, found none; name the new repository of the image',
    );
  }
  const { host, repository, tag, digest } = parsed('--new-image', text);
  const migrated = { ...image, host, repository };
  const other = (tag ?? image.tag) !== image.tag || (digest ?? image.digest) !== image.digest;
  if (other || repositoryName(migrated) === repositoryName(image)) {
    throw new UsageError(
      `expected in --new-image another repository with the same tag and digest as ${formatReference(image)}, found ` +
        `${quoted(text)}; name only the repository`,
    );
  }
  return { image: migrated, pullSecret: own ?? pullSecret };
}

function versionedImage(text: string): ImageReference {
  const image = parsed('--image', text);
  if (image.tag !== undefined || image.digest !== undefined) return image;
  throw new UsageError(
    `expected in --image a tag or a digest, found ${quoted(text)}; add the digest that autodiscovery would name`,
  );
}

function parsed(flag: string, text: string): ImageReference {
  try {
    return parseImageReference(text);
  } catch (error) {
    if (!(error instanceof ImageReferenceError)) throw error;
    throw new UsageError(`${flag}: ${error.message}`);
  }
}

function optional(flag: string, text: string | undefined): ObjectName | undefined {
  return text === undefined ? undefined : objectName(flag, text);
}

function objectName(flag: string, text: string): ObjectName {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (more.length === 0 && DNS_LABEL.test(namespace) && DNS_SUBDOMAIN.test(name)) return { namespace, name };
  throw new UsageError(
    `expected in ${flag} a namespace and a name, found ${quoted(text)}; write shop/registry-example-org, for example`,
  );
}

function namespaceOf(text: string): string {
  if (DNS_LABEL.test(text)) return text;
  throw new UsageError(
    `expected in --namespace at most 63 lower-case letters, digits and "-", found ${quoted(text)}; correct the name`,
  );
}

function secondsOf(text: string): number {
  const milliseconds = parseGoDuration(text) ?? 0;
  if (milliseconds >= 1_000) return milliseconds / 1_000;
  throw new UsageError(
    `expected in --timeout a duration of at least a second, such as 90s or 10m, found ${quoted(text)}; correct it`,
  );
}

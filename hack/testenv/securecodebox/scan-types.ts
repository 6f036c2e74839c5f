import { apiVersionOf } from '../../../src/object/index.ts';
import { type EnvVar, SCAN_TYPES, type ScanType } from './objects.ts';

const RESULT_FILE = '/home/securecodebox/trivy-results.json';

/** The variable parts of a ScanType. */
export interface ScanTypeOptions {
  readonly name: string;
  /** The scanner's command, before a Scan's parameters. */
  readonly command: readonly string[];
  readonly env?: readonly EnvVar[];
}

/** A ScanType whose scanner runs `command` and writes its results to the same file as Trivy's. */
export function scanType(namespace: string, { name, command, env = [] }: ScanTypeOptions): ScanType {
  const container = { name, image: 'docker.io/aquasec/trivy', command, env };
  const template = { spec: { restartPolicy: 'OnFailure', containers: [container] } };
  return {
    apiVersion: apiVersionOf(SCAN_TYPES),
    kind: SCAN_TYPES.kind,
    metadata: { name, namespace },
    spec: {
      extractResults: { type: 'trivy-json', location: RESULT_FILE },
      jobTemplate: { spec: { template } },
    },
  };
}

/**
 * secureCodeBox's `trivy-image`, with flags for a pull that needs neither the vulnerability DB nor the internet.
 *
 * @param extraArgs - more flags, such as `--insecure` for a registry without TLS
 * @param env - the scanner's environment, such as HTTPS_PROXY and SSL_CERT_FILE
 */
export function trivyImageScanType(
  namespace: string,
  {
    name = 'trivy-image',
    extraArgs = [],
    env = [],
  }: {
    readonly name?: string;
    readonly extraArgs?: readonly string[];
    readonly env?: readonly EnvVar[];
  } = {},
): ScanType {
  const flags = [
    '--image-src',
    'remote',
    '--scanners',
    'secret',
    '--skip-version-check',
    '--disable-telemetry',
  ];
  const output = ['--no-progress', '--format', 'json', '--output', RESULT_FILE];
  return scanType(namespace, { name, command: ['trivy', 'image', ...flags, ...output, ...extraArgs], env });
}

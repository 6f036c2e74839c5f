import type { ClusterConfig } from '../../src/cli/index.ts';
import { formatReference } from '../../src/image/index.ts';
import { keyOf } from '../../src/object/index.ts';
import { printable } from '../../src/text/index.ts';
import type { Options } from './options.ts';
import { titlesOf } from './steps.ts';

/** What the command does, and to which cluster. Computed without a request to the cluster. */
export function planOf(options: Options, config: ClusterConfig): string {
  const { image, pullSecret, rotation, migration, namespace, scanType, keepsNamespace } = options;
  const secrets = [pullSecret, rotation?.pullSecret, migration?.pullSecret].filter(
    (each) => each !== undefined,
  );
  const lines = [
    ['context', config.getCurrentContext()],
    ['cluster', config.getCurrentCluster()?.server ?? ''],
    ['user', config.getCurrentUser()?.name ?? ''],
    ['namespace', `${namespace}, created${keepsNamespace ? ' and kept' : ', and deleted at the end'}`],
    ['image', formatReference(image)],
    ['copies', `Secrets ${[...new Set(secrets.map(keyOf))].join(', ')}`],
    [
      '',
      `ScanType ${scanType === undefined ? 'trivy-image of the first namespace that has it' : keyOf(scanType)}`,
    ],
    ['password change', rotation === undefined ? 'skipped (--rotated-pull-secret)' : rotationText(rotation)],
    [
      'migration',
      migration === undefined ? 'skipped (--new-image)' : `to ${formatReference(migration.image)}`,
    ],
  ];
  const width = Math.max(...lines.map(([label = '']) => label.length)) + 2;
  const table = lines.map(([label = '', text = '']) => `  ${label.padEnd(width)}${printable(text)}\n`);
  return `${table.join('')}  ${'steps'.padEnd(width)}${titlesOf(options).join(`\n  ${''.padEnd(width)}`)}\n`;
}

/** Without the command, which may contain a password. */
function rotationText({ pullSecret, command }: NonNullable<Options['rotation']>): string {
  return `to ${keyOf(pullSecret)}${command === undefined ? '' : ', after --rotate-command has run on this machine'}`;
}

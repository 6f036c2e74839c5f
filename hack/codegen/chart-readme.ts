/** Generates the chart's README.md from its README.md.gotmpl, Chart.yaml and values.yaml: `npm run chart-readme`. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CHART } from '../root.ts';
import { tools } from '../testenv/index.ts';

/** The text that the chart's README.md should have. */
export async function chartReadme(): Promise<string> {
  const { 'helm-docs': helmDocs } = await tools(['helm-docs'], (line) => process.stderr.write(`${line}\n`));
  const args = [
    '--chart-search-root',
    dirname(CHART),
    '--sort-values-order',
    'file',
    '--log-level',
    'warning',
  ];
  const { stdout, stderr } = await promisify(execFile)(helmDocs, [...args, '--dry-run']);
  // helm-docs exits with 0 even after an error.
  if (stderr !== '') throw new Error(`helm-docs: ${stderr}`);
  return `${stdout.trimEnd()}\n`;
}

if (import.meta.main) {
  await writeFile(join(CHART, 'README.md'), await chartReadme());
}

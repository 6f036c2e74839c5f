/** Makes the chart's README.md from its README.md.gotmpl, Chart.yaml and values.yaml: `npm run chart-readme`. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tools } from '../testenv/tools.ts';

const charts = join(import.meta.dirname, '../../charts');

/** What README.md of the chart should hold. */
export async function chartReadme(): Promise<string> {
  const { 'helm-docs': helmDocs } = await tools(['helm-docs'], (line) => process.stderr.write(`${line}\n`));
  const args = ['--chart-search-root', charts, '--sort-values-order', 'file', '--log-level', 'warning'];
  const { stdout, stderr } = await promisify(execFile)(helmDocs, [...args, '--dry-run']);
  // It ends with 0 whatever went wrong.
  if (stderr !== '') throw new Error(`helm-docs: ${stderr}`);
  return `${stdout.trimEnd()}\n`;
}

if (import.meta.main) {
  await writeFile(join(charts, 'image-credential-binding/README.md'), await chartReadme());
}

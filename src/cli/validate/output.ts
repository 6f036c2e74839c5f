import { printable, printableJson } from '../../text/index.ts';
import type { Finding, Severity } from './finding.ts';
import type { Validation } from './validation.ts';

/** The formats of `--output`. */
export const OUTPUTS = ['text', 'json', 'github'] as const;
export type Output = (typeof OUTPUTS)[number];

/** The findings, one on each line, or as JSON. */
export function printed(findings: readonly Finding[], output: Output): string {
  switch (output) {
    case 'text':
      return lines(findings.map((finding) => printable(asText(finding))));
    case 'json':
      return printableJson(findings);
    case 'github':
      return lines(findings.map(asAnnotation));
  }
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}

/** `file:document: kind namespace/name: severity: message` */
function asText(finding: Finding): string {
  const { file, document, severity, message } = finding;
  const place = document === null ? file : `${file}:${document}`;
  return [place, ...objectOf(finding), severity, message].join(': ');
}

function objectOf({ kind, namespace, name }: Finding): readonly string[] {
  if (kind === null) return [];
  if (name === null) return [kind];
  return [`${kind} ${namespace === null ? name : `${namespace}/${name}`}`];
}

const COMMANDS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message */
function asAnnotation(finding: Finding): string {
  const { file, line, severity, message } = finding;
  const [title] = objectOf(finding);
  const properties = [
    `file=${propertyOf(file)}`,
    ...(line === null ? [] : [`line=${line}`]),
    ...(title === undefined ? [] : [`title=${propertyOf(title)}`]),
  ];
  return `::${COMMANDS[severity]} ${properties.join(',')}::${escaped(message)}`;
}

function propertyOf(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** Other control characters become readable escapes, so that a line remains one line. */
function escaped(text: string): string {
  return printable(text).replaceAll('%', '%25');
}

const PLURALS: Readonly<Record<string, string>> = {
  ImageCredentialBinding: 'ImageCredentialBindings',
  Secret: 'Secrets',
  ScheduledScan: 'ScheduledScans',
};

/** A line about what was validated, and how many findings there are. */
export function summaryOf({ findings, counts, namespaces }: Validation): string {
  const objects = Object.entries(PLURALS).map(([kind, plural]) =>
    counted(counts.get(kind) ?? 0, kind, plural),
  );
  const of = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  const found = [
    counted(of('error'), 'error', 'errors'),
    counted(of('warning'), 'warning', 'warnings'),
    `${of('info')} info`,
  ];
  const where = counted(namespaces, 'namespace', 'namespaces');
  return `validated ${objects.join(', ')} in ${where}: ${found.join(', ')}`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

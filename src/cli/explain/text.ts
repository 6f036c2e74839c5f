import { styleText } from 'node:util';
import { columns, printable, printableJson } from '../../text/index.ts';
import type { Decided } from './decided.ts';
import type { Explained, PrintedCondition } from './explanation.ts';
import { scanLines, scansAsJson } from './scans.ts';

/** How headings and warnings are formatted; see {@link plain} and {@link coloured}. */
export interface Style {
  readonly heading: (text: string) => string;
  readonly warning: (text: string) => string;
}

/** For files, pipes, and users who set NO_COLOR. */
export const plain: Style = { heading: (text) => text, warning: (text) => text };

/** For a terminal. */
export const coloured: Style = {
  heading: (text) => styleText('bold', text, { validateStream: false }),
  warning: (text) => styleText('yellow', text, { validateStream: false }),
};

const INDENT = '  ';

/** A block of lines about an image. Sections without content are omitted. Ends with a newline. */
export function asText(explained: Explained, style: Style): string {
  const { explanation, migratesTo, decided, predicted, scans } = explained;
  const { image, repository, platform, otherBindings, delivery } = explanation;
  const facts = columns([
    ['repository', repository],
    ['platform', platform],
    ['binding', bindingText(explained)],
    ...(migratesTo === undefined ? [] : [['migrates to', migratesTo]]),
  ]);
  const lines = [
    style.heading(printable(image)),
    ...indented(facts),
    ...section('other bindings that match', columns(otherBindings.map(({ name, reason }) => [name, reason]))),
    ...section('candidates', candidateLines(explained, style)),
    ...section(deliveryTitle(explained), [
      ...delivery.env.map(({ name, value }) => `${name}=${value}`),
      ...delivery.files,
    ]),
    ...section('the controller tried', triedLines(decided)),
    ...section('the controller says', conditionLines(decided?.conditions ?? [], style)),
    ...section('the controller would say', conditionLines(predicted, style)),
    ...section('ScheduledScans', scanLines(scans)),
  ];
  return `${lines.join('\n')}\n`;
}

function bindingText({ explanation: { binding, mode }, source }: Explained): string {
  if (binding === null)
    return `none matches this image, so all ${source === 'Files' ? 'Secrets in the files' : 'pull secrets in the namespace'} are used`;
  return mode === 'Observe' ? `${binding} (only observes)` : binding;
}

function deliveryTitle({ explanation: { binding, mode } }: Explained): string {
  if (binding === null) return 'Trivy would get, with a binding';
  return mode === 'Observe' ? 'Trivy would get, in mode Enforce' : 'Trivy gets';
}

/** The contract of `explain -o json`. Ends with a newline. */
export function asJson(explained: readonly Explained[]): string {
  return printableJson(
    explained.map(({ explanation, scans }) => ({ ...explanation, scheduledScans: scansAsJson(scans) })),
  );
}

function candidateLines(explained: Explained, style: Style): readonly string[] {
  const { explanation, outcome, descriptions } = explained;
  switch (outcome) {
    case 'NoneNeeded':
      return [
        explanation.conditions.some(({ reason }) => reason === 'Anonymous')
          ? 'none needed: the image is public'
          : 'none needed: the binding names no Secret',
      ];
    case 'NoMatch':
      return [
        style.warning('none: no entry of these Secrets fits this image'),
        ...explanation.nearMisses.map(({ problem }) => printable(problem)),
      ];
    case 'Fits':
      return columns(
        explanation.candidates.map(({ secret, registryKey }, index) => [
          `${index + 1}.`,
          `Secret ${secret}`,
          `entry ${registryKey}`,
          descriptions[index] ?? '',
        ]),
      );
  }
}

function triedLines(decided: Decided | undefined): readonly string[] {
  const rows = decided?.candidates.map(({ secret, registryKey, result, reason, httpCode }) => [
    `Secret ${secret}`,
    registryKey === undefined ? '' : `entry ${registryKey}`,
    result,
    httpCode === undefined ? reason : `${reason} (HTTP ${httpCode})`,
  ]);
  return columns(rows ?? []);
}

/** Each condition, and below it its message. */
function conditionLines(conditions: readonly PrintedCondition[], style: Style): readonly string[] {
  const heads = columns(conditions.map(({ type, status, reason }) => [type, status, reason]));
  return conditions.flatMap(({ type, status, message }, index) => {
    const head = heads[index] ?? '';
    const isFault = type === 'Ready' && status !== 'True';
    const shown = isFault ? style.warning(head) : head;
    return message === '' ? [shown] : [shown, `${INDENT}${printable(message)}`];
  });
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${INDENT}${title}`, ...indented(indented(lines))];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `${INDENT}${line}`);
}

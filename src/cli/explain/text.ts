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
/** In characters, before the indentation. */
const LINE_LENGTH = 100;

/**
 * A block of lines about an image: the result first, and what Trivy gets last, because few readers need it. Sections without
 * content are omitted. Ends with a newline.
 */
export function asText(explained: Explained, style: Style): string {
  const { explanation, migratesTo, decided, predicted, scans } = explained;
  const { image, repository, platform, otherBindings } = explanation;
  const [result = '', ...facts] = columns([
    ['result', resultText(explained)],
    ['repository', repository],
    ['platform', platform],
    ['binding', bindingText(explained)],
    ...(migratesTo === undefined ? [] : [['migrates to', migratesTo]]),
  ]);
  const lines = [
    style.heading(printable(image)),
    ...indented([explained.isResolved ? result : style.warning(result), ...facts]),
    ...section('other bindings that match', columns(otherBindings.map(({ name, reason }) => [name, reason]))),
    ...section('candidates', candidateLines(explained, style)),
    ...section('the controller tried', triedLines(decided)),
    ...section('the controller says', conditionLines(decided?.conditions ?? [], style)),
    ...section('the controller would say', conditionLines(predicted, style)),
    ...section('ScheduledScans', scanLines(scans)),
    ...section(deliveryTitle(explained), deliveryLines(explanation.delivery)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The reason for the exit code, on one line. */
function resultText(explained: Explained): string {
  if (!explained.isResolved) return failureText(explained);
  const [first] = explained.explanation.candidates;
  return first === undefined
    ? 'no credential is needed'
    : `a credential fits: Secret ${first.secret}, entry ${first.registryKey}`;
}

/** Names the reason of the condition that says more, if there is one. */
function failureText({ explanation: { conditions }, outcome, problems }: Explained): string {
  const failed = (name: string) => conditions.find(({ type, status }) => type === name && status !== 'True');
  const condition = failed('CredentialResolved') ?? failed('Ready');
  if (condition !== undefined) return `no credential can be used: ${condition.reason}`;
  if (outcome === 'Fits') return 'no credential can be used';
  return problems.length === 0 ? 'no credential fits' : 'no credential fits: see the last lines';
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

/** What is set, and then the variables that are emptied, several to a line because a cloud has many. */
function deliveryLines({ env, files, ...from }: Explained['explanation']['delivery']): readonly string[] {
  const set = env.filter(({ value }) => value !== '').map(({ name, value }) => `${name}=${value}`);
  const empty = env.filter(({ value }) => value === '').map(({ name }) => `${name}=`);
  const disabled = empty.length === 0 ? [] : ['empty, so that Trivy uses no other credential:'];
  const mounted: string[] =
    from.pullSecret === null ? [] : [`Secret ${from.pullSecret} itself, with all its logins`];
  if (from.temporary) mounted.push('from a Secret of the Scan, which exists until the scanner has finished');
  return [...set, ...files, ...mounted, ...disabled, ...filled(empty).map((line) => `${INDENT}${line}`)];
}

/** The words on as few lines as possible. */
function filled(words: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > LINE_LENGTH) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
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

/** Each condition, and below it its message. A long message is shown once. */
function conditionLines(conditions: readonly PrintedCondition[], style: Style): readonly string[] {
  const heads = columns(conditions.map(({ type, status, reason }) => [type, status, reason]));
  return conditions.flatMap(({ type, status, message }, index) => {
    const head = heads[index] ?? '';
    const isFault = type === 'Ready' && status !== 'True';
    const shown = isFault ? style.warning(head) : head;
    if (message === '') return [shown];
    const same = conditions.slice(0, index).find((other) => other.message === message);
    const isShown = same !== undefined && message.length > LINE_LENGTH;
    return [shown, `${INDENT}${isShown ? `the same message as ${same.type}` : printable(message)}`];
  });
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${INDENT}${title}`, ...indented(indented(lines))];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `${INDENT}${line}`);
}

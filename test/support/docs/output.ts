/** What differs from one run to the next, and so stands for all of its kind. */
const VARIABLE = [
  // A time.
  String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`,
  // An age, as kubectl tells it.
  String.raw`\b(?:\d+[smhdy])+\b`,
  // The second that a Scan is named by.
  String.raw`\b1[67]\d{8}\b`,
];

const PARTS = new RegExp(`\\.{3}|…|[ \\t]+|${VARIABLE.map((each) => `(?:${each})`).join('|')}`, 'g');

/**
 * Whether a page shows what a command prints: the same lines, but that `...` stands for anything in a line, and as a line of its
 * own for any lines; blanks may be more or fewer; and times, ages and names of Scans are of another run.
 */
export function shows(shown: string, printed: string): boolean {
  const lines = shown.trimEnd().split('\n');
  const pattern = lines.map((line) => (isGap(line) ? String.raw`(?:.*\n)*?` : `${lineOf(line)}[ \\t]*\\n`));
  return new RegExp(`^${pattern.join('')}$`).test(`${printed.trimEnd()}\n`);
}

function isGap(line: string): boolean {
  return /^\s*(?:\.{3}|…)$/.test(line);
}

function lineOf(line: string): string {
  let pattern = '';
  let end = 0;
  for (const match of line.trimEnd().matchAll(PARTS)) {
    pattern += RegExp.escape(line.slice(end, match.index)) + patternOf(match[0]);
    end = match.index + match[0].length;
  }
  return pattern + RegExp.escape(line.trimEnd().slice(end));
}

function patternOf(part: string): string {
  if (part === '...' || part === '…') return '.*';
  if (part.trim() === '') return '[ \\t]+';
  return `(?:${VARIABLE.find((each) => new RegExp(`^${each}$`).test(part)) ?? ''})`;
}

/** What differs between runs. Any text of the same form matches it. */
const VARIABLE = [
  // A time.
  String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`,
  // An age in the form of kubectl.
  String.raw`\b(?:\d+[smhdy])+\b`,
  // The second in the name of a Scan.
  String.raw`\b1[67]\d{8}\b`,
];

const PARTS = new RegExp(`\\.{3}|…|[ \\t]+|${VARIABLE.map((each) => `(?:${each})`).join('|')}`, 'g');

/**
 * Whether a page shows what a command prints. The lines must be the same, except that `...` matches any text in a line,
 * or any lines if it is a line of its own. The amount of white space may differ, and so may times, ages and the names
 * of Scans.
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

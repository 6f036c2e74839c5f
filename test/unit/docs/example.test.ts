import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exampleOf } from '../../support/docs/example.ts';
import { parsePage } from '../../support/docs/markdown.ts';
import { shows } from '../../support/docs/output.ts';

/** The example in a page that begins with this text. */
function example(text: string) {
  const [block] = parsePage('page.md', text).blocks;
  assert.ok(block !== undefined);
  return exampleOf(block);
}

describe('a code block of a page', () => {
  it('of commands has one command per line, joined after backslashes and pipes', () => {
    assert.deepEqual(
      example('# Page\n\n```sh\n# first\nkubectl get \\\n  icb |\n  cat\n\nhelm list\n```\n'),
      {
        kind: 'Commands',
        commands: [
          { line: 5, text: 'kubectl get   icb |  cat' },
          { line: 9, text: 'helm list' },
        ],
      },
    );
  });

  it('of a console has commands with their output', () => {
    assert.deepEqual(example('```console\n$ kubectl get \\\n> icb\nNAME\n$ true\n```\n'), {
      kind: 'Session',
      turns: [
        { line: 2, text: 'kubectl get icb', output: 'NAME\n' },
        { line: 5, text: 'true', output: '' },
      ],
    });
  });

  it('of YAML has objects or chart values, and may name a file', () => {
    assert.deepEqual(example('```yaml\na: 1\n```'), { kind: 'Objects', yaml: 'a: 1\n' });
    assert.deepEqual(example('```yaml pod.yaml\na: 1\n```'), {
      kind: 'Objects',
      yaml: 'a: 1\n',
      file: 'pod.yaml',
    });
    assert.deepEqual(example('```yaml values mine.yaml\na: 1\n```'), {
      kind: 'Values',
      yaml: 'a: 1\n',
      file: 'mine.yaml',
    });
  });

  it('that names a need that tests do not have is only parsed', () => {
    assert.deepEqual(example('```sh cloud\naws sts get-caller-identity\n```'), {
      kind: 'Parsed',
      needs: 'cloud',
      shell: 'aws sts get-caller-identity\n',
    });
    assert.deepEqual(example('```console node\n$ kubectl logs x\nhello\n```'), {
      kind: 'Parsed',
      needs: 'node',
      shell: 'kubectl logs x\n',
    });
  });

  it('of scripts contains only npm scripts', () => {
    assert.deepEqual(
      example('```sh scripts\nnpm ci && npm run demo\nnpm test\nnpm run image -- \\\n  --help\n```'),
      {
        kind: 'Scripts',
        scripts: ['demo', 'test', 'image'],
      },
    );
    assert.throws(() => example('```sh scripts\nnpm ci && rm -r .\n```'), /found "rm -r \."/);
  });

  for (const [text, message] of [
    ['```\nkubectl get icb\n```', /expected one of sh, .* after the fence, found ""/],
    ['```bash\nkubectl get icb\n```', /found "bash"/],
    ['```sh later\nkubectl get icb\n```', /expected a need \(cloud, .*\) after the fence, found "later"/],
    [
      '```sh cloud internet\nkubectl get icb\n```',
      /expected no more words after the fence, found "internet"/,
    ],
    ['```sh\nkubectl get \\\n```', /found one that continues/],
    ['```console\nNAME\n```', /expected a command after "\$ "/],
    ['```yaml values later\na: 1\n```', /found "later"/],
    ['```text\nkubectl get icb\n```', /expected no commands in a block of text/],
    ['```mermaid\nkubectl get icb\n```', /expected a picture/],
  ] as const)
    it(`is refused if it is ${JSON.stringify(text)}`, () => assert.throws(() => example(text), message));
});

describe('the output that a page shows', () => {
  for (const [what, shown, printed] of [
    ['the same output', 'NAME   READY\na      True\n', 'NAME   READY\na      True\n'],
    ['other spacing', 'NAME READY\na True\n', 'NAME   READY   \na      True\n'],
    ['another age', 'a   True   5s\n', 'a   True   2m10s\n'],
    ['another time', 'at 2026-01-01T00:00:00Z\n', 'at 2030-12-31T23:59:59Z\n'],
    ['another Scan', 'payments-1764190000   Done\n', 'payments-1790000000   Done\n'],
    ['anything in a line', 'error: ... found none\n', 'error: the server (at x) found none\n'],
    ['any lines', 'first\n...\nlast\n', 'first\n1\n2\nlast\n'],
    ['no lines', 'first\n  ...\nlast\n', 'first\nlast\n'],
    ['no output', '', ''],
  ] as const)
    it(`matches ${what}`, () => assert.ok(shows(shown, printed)));

  for (const [what, shown, printed] of [
    ['another word', 'a   True\n', 'a   False\n'],
    ['an extra line', 'a\n', 'a\nb\n'],
    ['a missing line', 'a\nb\n', 'a\n'],
    ['a different number that is not an age', 'a   5\n', 'a   6\n'],
    ['some output if it shows none', '', 'a\n'],
    ['a letter in place of a dot', 'a.b\n', 'axb\n'],
  ] as const)
    it(`does not match ${what}`, () => assert.ok(!shows(shown, printed)));
});

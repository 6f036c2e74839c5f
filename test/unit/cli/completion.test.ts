import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../hack/root.ts';
import { builtProgram } from '../../../hack/testenv/program.ts';
import { auditCommand } from '../../../src/cli/audit/command.ts';

const COMMANDS = [
  'controller',
  'explain',
  'validate',
  'audit',
  'check',
  'unbind',
  'register-webhook',
  'unregister-webhook',
  'version',
  'completion',
  'help',
];
const flagsOfAudit = auditCommand().options.flatMap(({ long, short }) =>
  [long, short].filter((flag) => typeof flag === 'string'),
);

/** The words after the program, of which the last one is completed; and the expected words. */
const cases: readonly {
  readonly words: readonly string[];
  readonly expected: readonly string[];
  readonly isFile?: boolean;
}[] = [
  { words: [], expected: COMMANDS },
  { words: [''], expected: COMMANDS },
  { words: ['a'], expected: ['audit'] },
  { words: ['nothing', ''], expected: [] },
  { words: ['audit', ''], expected: [] },
  { words: ['audit', '-'], expected: [...flagsOfAudit, '--help', '-h'] },
  { words: ['audit', '--request'], expected: ['--request-timeout'] },
  { words: ['audit', '-o', ''], expected: ['table', 'wide', 'json', 'csv', 'html'] },
  { words: ['audit', '--output', 'j'], expected: ['json'] },
  { words: ['audit', '--output=j'], expected: ['--output=json'] },
  // As bash splits it.
  { words: ['audit', '--output', '=', 'j'], expected: ['json'] },
  { words: ['audit', '--output', '='], expected: ['table', 'wide', 'json', 'csv', 'html'] },
  { words: ['audit', '-n', 'shop', '--out'], expected: ['--output'] },
  { words: ['audit', '-n', '-'], expected: [] },
  { words: ['audit', '--wrong=', ''], expected: [] },
  { words: ['audit', '--wrong=x'], expected: [] },
  { words: ['audit', '--', '-'], expected: [] },
  { words: ['audit', '--kubeconfig', ''], expected: [], isFile: true },
  { words: ['explain', 'nginx', '-f', 'x'], expected: [], isFile: true },
  { words: ['explain', '--filename=x'], expected: [], isFile: true },
  {
    words: ['controller', '--discovery', 'enabled'],
    expected: ['enabled-per-namespace', 'enabled-per-resource'],
  },
  { words: ['completion', ''], expected: ['bash', 'zsh', 'fish'] },
  { words: ['completion', 'bash', ''], expected: [] },
  { words: ['-'], expected: ['--version', '-V', '--help', '-h'] },
];

function isInstalled(shell: string): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

describe('completion', () => {
  let folder: string;
  let env: Readonly<Record<string, string | undefined>>;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'completion-'));
    // The package, and the links to its program, as npm installs them.
    const program = join(folder, 'package/bin/icb.js');
    for (const part of ['bin', 'dist']) mkdirSync(join(folder, 'package', part), { recursive: true });
    copyFileSync(join(ROOT, 'bin/icb.js'), program);
    copyFileSync(join(ROOT, 'package.json'), join(folder, 'package/package.json'));
    symlinkSync(await builtProgram(), join(folder, 'package/dist/main.mjs'));
    for (const name of ['image-credential-binding', 'kubectl-icb', 'kubectl_complete-icb'])
      symlinkSync(program, join(folder, name));
    mkdirSync(join(folder, 'work'));
    writeFileSync(join(folder, 'work/pull-secret.yaml'), '');
    env = { HOME: folder, PATH: [folder, dirname(process.execPath), process.env['PATH']].join(':') };
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(file: string, args: readonly string[]): string {
    const { stdout, stderr, status } = spawnSync(file, args, {
      encoding: 'utf8',
      env,
      cwd: join(folder, 'work'),
    });
    assert.deepEqual([status, stderr], [0, '']);
    return stdout;
  }

  /** Without the descriptions. */
  const wordsIn = (output: string) =>
    output.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0]]));

  for (const { words, expected, isFile = false } of cases)
    it(`completes ${JSON.stringify(words)}`, () => {
      const output = run(join(folder, 'image-credential-binding'), ['__complete', ...words]);
      assert.deepEqual(wordsIn(output), [...expected, isFile ? ':0' : ':4']);
    });

  it('gives kubectl the same words', () => {
    const words = ['audit', '--output', 'j'];
    assert.equal(
      run(join(folder, 'kubectl_complete-icb'), words),
      run(join(folder, 'image-credential-binding'), ['__complete', ...words]),
    );
  });

  it('describes each word in one line', () => {
    const output = run(join(folder, 'kubectl_complete-icb'), ['unbind', '--']);
    for (const line of output.trimEnd().split('\n').slice(0, -1)) assert.match(line, /^--[a-z-]+\t\S.*$/);
  });

  /** A command line, and what a shell completes it to. */
  const lines: readonly (readonly [line: string, expected: readonly string[]])[] = [
    ['image-credential-binding a', ['audit']],
    ['kubectl-icb au', ['audit']],
    ['image-credential-binding audit -o ', ['csv', 'html', 'json', 'table', 'wide']],
    ['image-credential-binding audit --output=j', ['json']],
    ['image-credential-binding audit -n ', []],
    ['image-credential-binding explain nginx -f p', ['pull-secret.yaml']],
    ['image-credential-binding completion ', ['bash', 'fish', 'zsh']],
  ];

  it('works in bash', { skip: !isInstalled('bash') }, () => {
    for (const [line, expected] of lines) {
      // What readline does: split at COMP_WORDBREAKS, call the function, and complete files if nothing was found.
      const script = `
        source <(image-credential-binding completion bash)
        set -- $1
        words=(${line.replace('=', ' = ')}${line.endsWith(' ') ? ' ""' : ''})
        COMP_WORDS=("\${words[@]}") COMP_CWORD=$((\${#words[@]} - 1)) COMP_LINE='${line}' COMP_POINT=${line.length}
        fallsBack=yes
        compopt() { [[ "$*" == '+o default' ]] && fallsBack=no; }
        __icb_complete "\${words[0]}" "\${words[COMP_CWORD]}" "\${words[COMP_CWORD-1]}"
        [[ \${#COMPREPLY[@]} == 0 && $fallsBack == yes ]] && COMPREPLY=($(compgen -f -- "\${words[COMP_CWORD]}"))
        printf '%s\\n' "\${COMPREPLY[@]}"
        complete -p image-credential-binding kubectl-icb >&3`;
      const { stdout, output, stderr } = spawnSync('bash', ['--norc', '-c', script], {
        ...{ encoding: 'utf8', env, cwd: join(folder, 'work') },
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      });
      assert.equal(stderr, '', line);
      assert.match(output[3] ?? '', /^complete -o default -F __icb_complete image-credential-binding$/m);
      assert.deepEqual(wordsIn(stdout).toSorted(), expected, line);
    }
  });

  it('works in fish', { skip: !isInstalled('fish') }, () => {
    for (const [line, expected] of lines) {
      const script = `image-credential-binding completion fish | source; complete --do-complete '${line}'`;
      const found = wordsIn(run('fish', ['--no-config', '--command', script]));
      assert.deepEqual(found.map((word) => word?.replace(/^--\w+=/, '')).toSorted(), expected, line);
    }
  });

  it('prints a script that zsh and bash accept', () => {
    for (const shell of ['bash', 'zsh', 'fish'].filter(isInstalled)) {
      const file = join(folder, `script.${shell}`);
      writeFileSync(file, run(join(folder, 'image-credential-binding'), ['completion', shell]));
      run(shell, ['-n', file]);
    }
  });
});

describe('version', () => {
  let program: string;

  before(async () => {
    program = await builtProgram();
  });
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [program, 'version', ...args], { encoding: 'utf8', env: {} });

  it('prints the versions of the program and of Node, as text or JSON', () => {
    const { stdout, status } = run();
    const { version: node } = process;
    assert.equal(status, 0);
    assert.match(stdout, /^Client Version: \d+\.\d+\.\d+\nNode Version: [\d.]+\nPlatform: \w+\/\w+\n$/);
    const { clientVersion, nodeVersion, platform } = JSON.parse(run('-o', 'json').stdout);
    assert.equal(`v${nodeVersion}`, node);
    assert.deepEqual(
      [stdout.includes(`Client Version: ${clientVersion}\n`), platform],
      [true, `${process.platform}/${process.arch}`],
    );
    assert.equal(run('-o', 'yaml').status, 2);
  });
});

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { builtProgram } from '../../../../hack/testenv/program.ts';

const program = await builtProgram();
const CANARY = 'Canary-7Hq2';

/** A credential plug-in in shell, and what the command says about it. */
interface Case {
  readonly title: string;
  /** The script, if there is one at the path of the command. */
  readonly script?: string;
  readonly mode?: number;
  readonly exec?: object;
  readonly says: RegExp;
}

const credential = (status: object) => `echo '${JSON.stringify({ kind: 'ExecCredential', status })}'`;
const NAME = String.raw`the credential plug-in "[^"]*" of the user "eks" \(context "prod"\): `;
const SEE = String.raw`run kubectl get --raw /version --context "prod", which shows what the plug-in prints\n$`;

const cases: readonly Case[] = [
  {
    title: 'is not on PATH',
    exec: { command: 'aws-of-nobody', args: ['eks', 'get-token', CANARY] },
    says: /^error: the credential plug-in "aws-of-nobody" of the user "eks" \(context "prod"\): expected this program on PATH, found none .*; install it, or add its folder to PATH\n$/,
  },
  {
    title: 'is not on PATH, and has an install hint with control characters',
    exec: {
      command: 'kubelogin-of-nobody',
      installHint: `Install kubelogin:\n\n  see\u001b[2J https://aka.ms\n`,
    },
    says: /on PATH, found none .*The kubeconfig says about it: Install kubelogin: see\\u001b\[2J https:\/\/aka\.ms\n$/,
  },
  {
    title: 'is not on PATH, and has a very long install hint',
    exec: { command: 'kubelogin-of-nobody', installHint: 'x'.repeat(100_000) },
    says: /on PATH, found none .*The kubeconfig says about it: x{300}\n$/,
  },
  {
    title: 'does not exist at its path',
    says: /expected this program at this path, found none .*; correct exec\.command in the kubeconfig\n$/,
  },
  {
    title: 'is not executable',
    script: 'exit 0',
    mode: 0o644,
    says: /expected a program that can be run, found that it cannot be started \(EACCES\); correct exec\.command/,
  },
  {
    title: 'fails, and prints a token on both outputs',
    script: `echo ${CANARY}; echo ${CANARY} >&2; exit 255`,
    says: new RegExp(
      `^error: ${NAME}expected a credential, found that the plug-in failed \\(exit code 255\\); log in again, or ${SEE}`,
    ),
  },
  {
    title: 'is killed',
    script: 'kill -9 $$',
    says: /found that the plug-in failed \(it was killed\); log in again/,
  },
  {
    title: 'prints something that is not JSON',
    script: `echo 'token: ${CANARY}'`,
    says: new RegExp(`expected an ExecCredential in JSON, found other output; ${SEE}`),
  },
  {
    title: 'prints nothing',
    script: 'exit 0',
    says: /expected an ExecCredential in JSON, found other output/,
  },
  {
    title: 'prints JSON that is not an object',
    script: `echo '["${CANARY}"]'`,
    says: /expected an ExecCredential in JSON, found other output/,
  },
  { title: 'prints no status', script: `echo '{"token":"${CANARY}"}'`, says: /found neither; log in again/ },
  { title: 'prints an empty token', script: credential({ token: ' ' }), says: /found neither; log in again/ },
  {
    title: 'prints a token that is not text',
    script: credential({ token: [CANARY] }),
    says: /found neither; log in again/,
  },
  {
    title: 'prints a certificate without its key, and a token',
    script: credential({ token: CANARY, clientCertificateData: CANARY }),
    says: /expected a token, or a client certificate with its key, in the status/,
  },
  {
    title: 'prints more than 1 MiB',
    script: `yes ${CANARY}`,
    says: /expected a credential of at most 1 MiB, found more/,
  },
  {
    title: 'needs a terminal',
    exec: { interactiveMode: 'Always' },
    script: `echo ${CANARY}`,
    says: /expected a terminal, because the plug-in asks for input \(interactiveMode: Always\), found none; run the command in a terminal/,
  },
  {
    title: 'has an unknown mode',
    exec: { interactiveMode: CANARY },
    says: /invalid credential plug-in for the user "eks": expected Never, IfAvailable, Always in exec\.interactiveMode, found something else/,
  },
  {
    title: 'has no command',
    exec: { command: null },
    says: /expected text that is not empty in exec\.command/,
  },
  {
    title: 'has arguments that are not text',
    exec: { args: [{ token: CANARY }] },
    says: /expected text in exec\.args, found something else; correct the kubeconfig/,
  },
  {
    title: 'has an environment that is not a list',
    exec: { env: { TOKEN: CANARY } },
    says: /expected a list in exec\.env/,
  },
];

describe('a credential plug-in', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'credential-plugin-'));
    mkdirSync(join(folder, 'bin'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** A kubeconfig with a plug-in in the folder `bin` beside it. No server listens at its address. */
  function kubeconfigWith(name: string, { script, mode = 0o755, exec }: Case): string {
    const command = `./bin/${name}`;
    if (script !== undefined) writeFileSync(join(folder, command), `#!/bin/sh\n${script}\n`, { mode });
    const file = join(folder, `${name}.json`);
    writeFileSync(
      file,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
        users: [
          {
            name: 'eks',
            user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command, ...exec } },
          },
        ],
        contexts: [{ name: 'prod', context: { cluster: 'c', user: 'eks' } }],
        'current-context': 'prod',
      }),
    );
    return file;
  }

  const run = (KUBECONFIG: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, [program, ...args], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG },
    });

  for (const [index, one] of cases.entries()) {
    it(`that ${one.title} is named as the cause, and its output is not shown`, () => {
      const { status, stdout, stderr } = run(kubeconfigWith(`case-${index}`, one), 'audit');
      assert.match(stderr, one.says);
      assert.deepEqual([status, stdout], [2, '']);
      assert.doesNotMatch(stderr, /Canary|127\.0\.0\.1|reachable/);
    });
  }

  it('that is missing is named by each command', () => {
    const kubeconfig = kubeconfigWith('missing', { title: '', says: /./ });
    for (const args of [['explain', 'reg.example/app'], ['audit'], ['unbind', '-A']]) {
      const { status, stderr } = run(kubeconfig, ...args);
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`^error: ${NAME}expected this program at this path, found none`));
    }
  });

  it('that is missing is named in the log of the controller', async () => {
    const KUBECONFIG = kubeconfigWith('missing', { title: '', says: /./ });
    const child = spawn(process.execPath, [program, 'controller', '--serve', '127.0.0.1:0'], {
      env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let log = '';
    for await (const chunk of child.stdout) {
      log += chunk;
      if (/"reason":"[^\n]*expected this program at this path, found none/.test(log)) break;
    }
    assert.match(
      log,
      /the credential plug-in \\"[^"]+\\" of the user \\"eks\\" \(context \\"prod\\"\): expected this program/,
    );
    child.kill('SIGKILL');
  });

  it('that provides a credential runs once, and the connection is the next step', () => {
    const script = `echo run >> '${join(folder, 'runs')}'; ${credential({ token: CANARY })}`;
    const { stderr } = run(kubeconfigWith('working', { title: '', script, says: /./ }), 'unbind', '-A');
    assert.match(
      stderr,
      /expected an answer from the API server at https:\/\/127\.0\.0\.1:1, found none: .*ECONNREFUSED/,
    );
    assert.doesNotMatch(stderr, /Canary/);
    assert.equal(spawnSync('cat', [join(folder, 'runs')], { encoding: 'utf8' }).stdout, 'run\n');
  });

  it('that hangs is stopped after 25 seconds', async () => {
    // The process that the script starts keeps the pipe open.
    const kubeconfig = kubeconfigWith('hanging', { title: '', script: 'sleep 45; exit 1', says: /./ });
    const child = spawn(process.execPath, [program, 'audit'], {
      env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: kubeconfig },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /expected a credential within 25 s, found that the plug-in was still running, and stopped it; run kubectl get --raw/,
    );
  });

  it('shows its standard error on a terminal, and may read from it', {
    skip: !existsSync('/usr/bin/script'),
  }, () => {
    const script = '[ -t 0 ] && echo "Log in at https://login.example" >&2; exit 1';
    const kubeconfig = kubeconfigWith('login', {
      title: '',
      script,
      exec: { interactiveMode: 'Always' },
      says: /./,
    });
    const { stdout } = spawnSync(
      '/usr/bin/script',
      ['--quiet', '--return', '--command', `'${process.execPath}' '${program}' audit`, '/dev/null'],
      { encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: kubeconfig } },
    );
    assert.match(
      stdout,
      /^Log in at https:\/\/login\.example\r\nerror: the credential plug-in .*\(exit code 1\)/,
    );
  });
});

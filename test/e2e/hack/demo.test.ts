import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from '../../../hack/root.ts';
import { variableOf } from '../../../hack/testenv/tools/location.ts';
import { recipe } from '../../../hack/testenv/tools/recipe.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { Script } from './script.ts';

const demo = join(ROOT, 'hack/demo/demo.ts');

/** The demo's passwords, and the first characters of `ci:…` and of a Docker config file in base64. */
const SECRETS = /demo-[0-9a-f]{32}|Y2k6|eyJhdXRocy/;

const kubebuilderAssets = ['etcd', 'kube-apiserver', 'kubectl'] as const;
const replaceable = [...kubebuilderAssets, 'helm', 'trivy'] as const;
let pinned: Record<(typeof replaceable)[number], string>;

before(async () => {
  pinned = await tools(replaceable, (line) => process.stderr.write(`${line}\n`));
});

describe('the demo', () => {
  it('prints its four steps without a terminal, each with the expected output', async (context) => {
    const { stdout, code, stderr } = await start(context, []).ended;
    assert.equal(code, 0, stdout + stderr);
    const [, refused, scanned, rotated, released] = stdout.split(/^Step \d: .*$/m);
    assert.match(refused ?? '', /trivy-image +Errored\n.+UNAUTHORIZED: authentication required/s);
    assert.match(scanned ?? '', /icb\/payments.+Generic +registry-example-org +1 +True/s);
    assert.match(scanned ?? '', /"name":"DOCKER_CONFIG".+config\.json: +\d+ bytes/s);
    assert.match(scanned ?? '', /trivy-image +Done\n.+\.Metadata\.ImageID: sha256:[0-9a-f]{64}\n/s);
    // The controller starts this run. A second one in the same second would have the same name.
    assert.doesNotMatch(scanned ?? '', /kubectl patch/);
    assert.match(rotated ?? '', /old password: 401\n.*new password: 200\n/);
    const versions = [...(rotated ?? '').matchAll(/RESOURCEVERSION\n +(?<version>\d+ +\d+)\n/g)];
    assert.equal(versions.length, 2);
    assert.equal(versions[0]?.groups?.['version'], versions[1]?.groups?.['version']);
    assert.equal(imageId(rotated), imageId(scanned));
    assert.ok(spec(refused).includes('"interval":"24h"'));
    assert.equal(spec(released), spec(refused));
    assert.match(stdout, /\nEvery step succeeded\.\n$/);
    assert.equal(stderr, '');
    assert.doesNotMatch(stdout, SECRETS);
    assert.ok(!stdout.includes('\u001b'), 'control sequences without a terminal');
  });

  it('exits with 1 at the step in which Trivy fails, and prints the end of the log', async (context) => {
    const alwaysRefused = await program(context, 'echo "UNAUTHORIZED: authentication required" >&2; exit 1');
    const { stdout, stderr, code } = await start(context, [], { ICB_TOOL_TRIVY: alwaysRefused }).ended;
    assert.equal(code, 1);
    assert.match(stdout, /\nStep 1: .+Refused, as expected\..+\nStep 2: /s);
    assert.doesNotMatch(stdout, /\nStep 3: /);
    assert.match(
      stderr,
      /^\nStep 2: .+\n.+\nExpected: Trivy to scan .+\nFound: state Errored, exit code 1, .+\nUNAUTHORIZED.*\n\n.+log ends with:\n\{"level"/,
    );
    assert.doesNotMatch(stdout + stderr, SECRETS);
  });

  it('uses fitting programs of the machine, and names those that do not fit', async (context) => {
    const directory = await mkdtemp(join(tmpdir(), 'icb-test-'));
    context.after(() => rm(directory, { recursive: true, force: true }));
    const file = (name: string) => join(directory, name);
    for (const name of kubebuilderAssets) await symlink(pinned[name], file(name));
    // A Trivy that is built from its Go module prints no version.
    const trivy = `[ "$1" = --version ] && echo "Version: 0.74.0" && exit\necho "$1" >> ${file('runs')}\nexec ${pinned.trivy} "$@"`;
    await writeFile(file('trivy'), `#!/bin/sh\n${trivy}\n`, { mode: 0o755 });
    await writeFile(file('helm'), '#!/bin/sh\necho v3.9.4+gdbc6d8e\n', { mode: 0o755 });
    const run = start(context, [], {
      ...Object.fromEntries(replaceable.map((name) => [variableOf(name), ''])),
      PATH: [directory, process.env['PATH']].join(':'),
      KUBEBUILDER_ASSETS: directory,
    });
    const { stdout, stderr, code } = await run.ended;
    assert.equal(code, 0, stdout + stderr);
    const versions = (await Promise.all(kubebuilderAssets.map(recipe))).map(({ version }) =>
      version.slice(1),
    );
    const lines = stdout.match(/^ {2}(?:not )?using .+$/gm);
    assert.deepEqual(
      lines?.map((line) => line.trim()),
      [
        ...versions.map(
          (version, index) =>
            `using ${kubebuilderAssets[index]} ${version} in KUBEBUILDER_ASSETS: ${file(kubebuilderAssets[index] ?? '')}`,
        ),
        `not using ${file('helm')} (on the PATH): expected helm 3.14 or later, below 4, but it is version 3.9.4; install such a version, so that the pinned one need not be built`,
        `using trivy 0.74.0 on the PATH: ${file('trivy')}`,
      ],
    );
    assert.match(await readFile(file('runs'), 'utf8'), /^image$/m);
  });

  it('keeps everything running with --keep until Ctrl-C, including the binding', async (context) => {
    const run = start(context, ['--keep']);
    await run.prints(/Press Ctrl-C here/);
    const kubeconfig = /export KUBECONFIG=(?<file>.+)\n/.exec(run.stdout)?.groups?.['file'] ?? '';
    const programs = /export PATH="\$PATH:(?<folder>[^"]+)"/.exec(run.stdout)?.groups?.['folder'] ?? '';
    const { stdout } = await promisify(execFile)(
      join(programs, 'kubectl'),
      ['get', 'icb', 'payments', '--namespace', 'shop'],
      // The cache of kubectl is deleted with the demo's other data.
      { env: { KUBECONFIG: kubeconfig, HOME: dirname(kubeconfig) } },
    );
    assert.match(stdout, /payments .+ True/);
    run.process.kill('SIGINT');
    assert.equal((await run.ended).code, 0);
    assert.ok(!existsSync(dirname(kubeconfig)));
    assert.doesNotMatch(run.stdout, /\nStep 4: /);
  });

  it('exits with 130 on Ctrl-C before its last step', async (context) => {
    const run = start(context, []);
    await run.prints(/\nStep 1: /);
    run.process.kill('SIGINT');
    const { code, stderr } = await run.ended;
    assert.equal(code, 130);
    assert.equal(stderr, '');
  });

  it('prints its usage with --help, and exits with 2 on wrong arguments', async (context) => {
    const help = await start(context, ['--help']).ended;
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^Usage: .*--keep/);
    for (const args of [['--hold'], ['now']]) {
      const { code, stdout, stderr } = await start(context, args).ended;
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, new RegExp(`${args[0]}.+Usage: `, 's'));
    }
  });
});

/** The demo with the pinned programs. */
function start(
  context: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Script {
  const programs = Object.fromEntries(replaceable.map((name) => [variableOf(name), pinned[name]]));
  return new Script(context, demo, args, { ...programs, ...env });
}

/** Creates an executable shell script. */
async function program(context: TestContext, script: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'icb-test-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'program');
  await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

function imageId(text: string | undefined): string | undefined {
  return /ImageID: (?<id>\S+)/.exec(text ?? '')?.groups?.['id'];
}

/** The ScheduledScan's spec in the output of kubectl. */
function spec(text: string | undefined): string {
  return /jsonpath='\{\.spec\}.*\n +(?<spec>\{.*\})\n/.exec(text ?? '')?.groups?.['spec'] ?? '';
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { describe, it } from 'node:test';
import { builtProgram } from '../../../hack/testenv/program.ts';

const program = await builtProgram();

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  return { status, stdout, stderr };
}

describe('the command line', () => {
  it('prints its commands and its version', () => {
    const help = run(['--help']);
    assert.equal(help.status, 0);
    assert.match(help.stdout, /controller/);
    assert.match(run(['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
    assert.match(run(['controller', '--help']).stdout, /--scan-types[\s\S]*ICB_SCAN_TYPES[\s\S]*Examples:/);
  });

  for (const name of ['controller', 'explain', 'validate', 'audit', 'check', 'unbind']) {
    it(`lists exit codes and examples in the help of ${name}`, () => {
      const { status, stdout } = run([name, '--help']);
      assert.equal(status, 0);
      assert.match(stdout, /\nExit codes:\n {2}0 {2}.+\n {2}1 {2}.+\n {2}2 {2}.+\n\nExamples:\n/);
      assert.match(stdout, new RegExp(`\n {2}image-credential-binding ${name} ?`));
    });
  }

  const wrong: readonly { args: readonly string[]; env?: Record<string, string>; says: RegExp }[] = [
    { args: [], says: /Usage:/ },
    { args: ['scan'], says: /unknown command 'scan'/ },
    { args: ['controller', '--verbose'], says: /unknown option '--verbose'/ },
    {
      args: ['controller', '--concurrency', '0'],
      says: /'0' is invalid\. Expected a whole number from 1 to 64/,
    },
    { args: ['controller', '--scan-types', 'A B'], says: /Expected names of scan types/ },
    { args: ['controller', '--unused-secret-grace', '10'], says: /Expected a duration such as 90s/ },
    { args: ['controller', '--run-wait', '-5m'], says: /Expected a duration such as 90s/ },
    { args: ['controller', '--serve', '8080'], says: /Expected host:port/ },
    { args: ['controller', '--serve', ':99999'], says: /port of at most 65535/ },
    { args: ['controller', '--lease-name', 'A_b'], says: /Expected a name of lower-case letters/ },
    { args: ['controller', '--lease-namespace', 'a.b'], says: /Expected a namespace: at most 63/ },
    { args: ['controller', '--retry-period', 'soon'], says: /Expected a duration such as 90s/ },
    {
      args: ['controller', '--lease-duration', '5s'],
      says: /^error: expected a lease duration longer than the renew deadline.*found 5s and 10s; correct --lease-duration/,
    },
    {
      args: ['controller'],
      env: { ICB_LEASE_DURATION: '90500ms' },
      says: /^error: expected a lease duration of whole seconds.*found 90\.5s/,
    },
    {
      args: ['controller', '--admission', ':9443'],
      says: /expected --admission-secret or --admission-cert-dir because --admission is set, found neither/,
    },
    {
      args: ['controller', '--admission-secret', 'icb-webhook'],
      says: /expected --admission because --admission-secret is set, found none/,
    },
    {
      args: ['controller', '--admission', ':9443', '--admission-secret', 'a', '--admission-cert-dir', '/tmp'],
      says: /expected --admission-secret or --admission-cert-dir, found both; omit one of them/,
    },
    {
      args: ['register-webhook', '--secret', 'icb-webhook'],
      says: /required option '--configuration <name>' not specified/,
    },
    { args: ['controller', '--check-interval', '10ms'], says: /Expected a duration of 1s or more/ },
    { args: ['controller', '--check-interval', 'daily'], says: /Expected a duration such as 90s/ },
    {
      args: ['controller', '--allowed-registries', 'a.example,https://b.example'],
      says: /Expected registry hosts such as .*; found "https:\/\/b\.example"/,
    },
    { args: ['controller', '--denied-registries', 'a.example/team'], says: /found "a\.example\/team"/ },
    {
      args: ['controller', '--insecure-registries', '*.example'],
      says: /Expected hosts such as .*; found "\*\.example"/,
    },
    { args: ['controller', '--private-realms', 'a,,b'], says: /Expected hosts such as .*; found ""/ },
    {
      args: ['controller', '--local-addresses', 'localhost'],
      says: /Expected IP addresses.*; found "localhost"/,
    },
    {
      args: ['controller', '--discovery', 'some'],
      says: /Allowed choices are off, enabled-per-namespace, enabled-per-resource, all/,
    },
    { args: ['controller', '--discovery-grace', 'long'], says: /Expected a duration such as 90s/ },
    {
      args: ['controller', '--mark-pods'],
      says: /^error: expected --discovery with a mode because --mark-pods is set, found off; set --discovery/,
    },
    { args: ['controller', '--delivery', 'Copy'], says: /Allowed choices are Shared, Direct/ },
    { args: ['validate', '--delivery', 'Copy', '-f', 'x'], says: /Allowed choices are Shared, Direct/ },
    {
      args: ['controller', '--delivery=Temporary'],
      says: /^error: expected --admission because --delivery is Temporary, found none; set --admission/,
    },
    {
      args: ['controller', '--write-secrets=false'],
      says: /^error: expected --delivery Direct because --write-secrets is false, found Shared; set --delivery/,
    },
    {
      args: [
        ...['controller', '--write-secrets=false', '--delivery=Direct'],
        ...['--admission=:9443', '--admission-secret=icb-webhook'],
      ],
      says: /^error: expected --admission-cert-dir because --write-secrets is false, found --admission-secret/,
    },
    { args: ['controller', '--write-secrets', 'no'], says: /Expected true or false/ },
    { args: ['controller'], env: { ICB_MARK_PODS: 'no' }, says: /ICB_MARK_PODS.*Expected true or false/ },
    {
      args: ['controller', '--namespaces', 'team-a,Team_B'],
      says: /Expected namespaces \(at most 63 .*\), separated by commas; found "Team_B"/,
    },
    { args: ['controller', '--namespaces', 'team-a,'], says: /Expected namespaces .*; found ""/ },
    { args: ['controller', '--namespaces', 'a'.repeat(64)], says: /Expected namespaces/ },
    { args: ['controller', '--namespaces', 'a,b, a'], says: /Expected each namespace once; found "a" twice/ },
    {
      args: ['controller'],
      env: { ICB_NAMESPACES: Array.from({ length: 101 }, (_, index) => `n${index}`).join(',') },
      says: /ICB_NAMESPACES.*Expected at most 100 namespaces; found 101/,
    },
    { args: ['audit', '-o', 'yaml'], says: /Allowed choices are table, wide, json, csv, html/ },
    { args: ['audit', '-A', '-n', 'shop'], says: /'-A, --all-namespaces' cannot be used with/ },
    { args: ['audit', 'A_b'], says: /'A_b' is invalid for argument 'name'\. Expected a name of lower-case/ },
    {
      args: ['audit', 'payments', '-A'],
      says: /^error: expected names of bindings together with namespaces, found --all-namespaces; choose/,
    },
    {
      args: ['audit', 'payments', '-l', 'app=x'],
      says: /^error: expected names .* or --selector, found both/,
    },
    { args: ['audit', '-n', 'shop,'], says: /Expected a namespace: at most 63/ },
    { args: ['explain', 'nginx', '-n', 'A b'], says: /Expected a namespace: at most 63/ },
    { args: ['check', '-o', 'table'], says: /Allowed choices are text, json/ },
    { args: ['check', 'shop'], says: /too many arguments/ },
    { args: ['validate'], says: /^error: expected at least one file or folder, found none; name one/ },
    {
      args: ['validate', '-f', '/nowhere'],
      says: /"\/nowhere": expected a file that can be read, found none/,
    },
    {
      args: ['validate', '-f', 'src/text'],
      says: /expected a folder with .* files, found none; .*--recursive/,
    },
    {
      args: ['validate', '-f', '.', '--missing-secrets', 'no'],
      says: /Allowed choices are error, warning, info/,
    },
    { args: ['unbind', '--leader-timeout', 'soon'], says: /Expected a duration such as 90s/ },
    { args: ['unbind', '--lease-name', 'A_b'], says: /Expected a name of lower-case letters/ },
    { args: ['audit', '--request-timeout', 'soon'], says: /Expected a duration such as 30s or 2m, a number/ },
    { args: ['audit', '--request-timeout', '-1s'], says: /Expected a duration such as 30s or 2m, a number/ },
    ...['context', 'cluster', 'user', 'server', 'token', 'as', 'as-group'].map((flag) => ({
      args: ['unbind', '--yes', `--${flag}`, ''],
      env: { KUBECONFIG: 'test/support/fixtures/kubeconfig.json' },
      says: new RegExp(
        `--${flag} <.*> ?' argument '' is invalid\\. Expected text that is not empty; leave the flag out`,
      ),
    })),
    {
      args: ['audit', '--as-group', 'devs'],
      env: { KUBECONFIG: 'test/support/fixtures/kubeconfig.json' },
      says: /^error: expected --as together with --as-group, found only --as-group "devs"; add the user to impersonate with --as\n$/,
    },
    {
      args: ['audit', '--user', 'somebody'],
      env: { KUBECONFIG: 'test/support/fixtures/kubeconfig.json' },
      says: /^error: expected a user of the kubeconfig, found --user "somebody"; its users: "nobody"; correct --user/,
    },
    { args: ['unbind', 'everything'], says: /too many arguments/ },
    // The value may be a token.
    { args: ['--token=a\nb', 'audit'], says: /^error: unknown option '--token=\*\*\*'\n\(run with --help/ },
    { args: ['audit', "--tokne=a'b"], says: /^error: unknown option '--tokne=\*\*\*'\n\(run with --help/ },
    {
      args: ['audit'],
      env: { HOME: '/nonexistent' },
      says: /^error: found no cluster: expected KUBECONFIG.*; set KUBECONFIG to/,
    },
    {
      args: ['unbind'],
      env: { KUBECONFIG: '/nonexistent/config' },
      says: /^error: the kubeconfig \(\/nonexistent\/config\) cannot be read: there is no such file/,
    },
    { args: ['controller', '--log-level', 'loud'], says: /Allowed choices are trace, debug/ },
    {
      args: ['controller'],
      env: { ICB_CONCURRENCY: 'many' },
      says: /ICB_CONCURRENCY.*Expected a whole number/,
    },
  ];
  for (const { args, env, says } of wrong) {
    it(`exits with 2 and says what was expected: ${[...args, JSON.stringify(env ?? {})].join(' ')}`, () => {
      const { status, stderr } = run(args, env);
      assert.equal(status, 2);
      assert.match(stderr, says);
    });
  }

  const KUBECONFIG = 'test/support/fixtures/kubeconfig.json';
  const unusable: readonly { args: readonly string[]; env?: Record<string, string>; says: RegExp }[] = [
    {
      args: ['--registry-ca-file', '/nonexistent/ca.pem'],
      says: /^--registry-ca-file cannot be read: ENOENT.*; correct the path/,
    },
    {
      args: ['--registry-ca-file', 'package.json'],
      says: /^--registry-ca-file: expected certificates in PEM .*, found none in package\.json; correct the file$/,
    },
    {
      args: [],
      env: { HTTPS_PROXY: 'socks5://user:canary@proxy' },
      says: /^HTTPS_PROXY and HTTP_PROXY: expected http:.*found a URL of scheme socks5/,
    },
  ];
  for (const { args, env, says } of unusable) {
    it(`exits with 1 and says what is wrong: ${[...args, ...Object.keys(env ?? {})].join(' ')}`, () => {
      const { status, stdout } = run(['controller', ...args], { KUBECONFIG, ...env });
      assert.equal(status, 1);
      assert.match((JSON.parse(stdout) as { msg: string }).msg, says);
      assert.doesNotMatch(stdout, /stack|canary/);
    });
  }

  it('accepts a list of namespaces, and an empty value for all namespaces', () => {
    for (const ICB_NAMESPACES of ['', 'a', 'team-a, team-b']) {
      const { status, stderr } = run(['controller'], { ICB_NAMESPACES, HOME: '/nonexistent' });
      assert.deepEqual([status, stderr], [1, '']);
    }
  });

  it('accepts false for a boolean flag', () => {
    const { status, stderr } = run(['controller'], { ICB_MARK_PODS: 'false', HOME: '/nonexistent' });
    assert.deepEqual([status, stderr], [1, '']);
  });

  it('reports that it found no cluster', () => {
    const { status, stdout, stderr } = run(['controller'], {
      HOME: '/nonexistent',
      KUBECONFIG: '/nonexistent/config',
    });
    assert.equal(status, 1);
    const line = JSON.parse(stdout) as { msg: string };
    assert.match(line.msg, /^the kubeconfig \(\/nonexistent\/config\) cannot be read: there is no such file/);
    assert.doesNotMatch(stdout, /stack/);
    assert.equal(stderr, '');
    assert.match(
      run(['controller'], { HOME: '/nonexistent' }).stdout,
      /found no cluster: expected KUBECONFIG/,
    );
    const named = run(['controller', '--kubeconfig', '/nonexistent/other'], {
      KUBECONFIG: '/nonexistent/config',
    });
    assert.match(named.stdout, /the kubeconfig \(\/nonexistent\/other\) cannot be read/);
  });

  const image = 'reg.example/app';
  /** Enough images to fill the buffer of a pipe, so that the command notices that its reader has stopped. */
  const many = Array(2_000).fill(image);

  it('prints no error and keeps its exit code if the reader of its output stops', () => {
    const explain = ['explain', ...many, '-f', 'docs/examples/pull-secret.yaml'];
    for (const [args, code] of [
      [explain, 1],
      [[...explain, '-o', 'json'], 1],
      [['--help'], 0],
    ] as const) {
      // The reader closes the pipe before the command has written anything.
      const script = '{ "$@"; echo "code $?" >&3; } | true';
      const { output } = spawnSync('/bin/sh', ['-c', script, 'sh', process.execPath, program, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      });
      assert.equal(output[3], `code ${code}\n`);
      assert.doesNotMatch(output[2] ?? '', /EPIPE|node:/);
    }
  });

  it('reports that its output cannot be written', { skip: !existsSync('/dev/full') }, () => {
    const full = openSync('/dev/full', 'w');
    const args = [program, 'explain', image, '-f', 'docs/examples/pull-secret.yaml'];
    const { status, output } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    assert.equal(status, 2);
    assert.match(output[2] ?? '', /^error: cannot write to standard output: ENOSPC/m);
    assert.doesNotMatch(output[2] ?? '', /node:/);
  });
});

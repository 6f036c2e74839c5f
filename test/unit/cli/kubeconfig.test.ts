import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { builtProgram } from '../../../hack/testenv/program.ts';

const program = await builtProgram();

/** No server listens on this address. The error message shows which cluster the command chose. */
const serverOf = (name: string) => `https://127.0.0.1:1/${name}`;
const named = (name: string, rest: object) => ({ name, ...rest });
const config = (context: string, ...clusters: readonly string[]) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': context,
  clusters: clusters.map((name) => named(name, { cluster: { server: serverOf(name) } })),
  users: [named('me', { user: { token: 'Canary-7Hq2' } })],
  contexts: clusters.map((name) => named(name, { context: { cluster: name, user: 'me' } })),
});

describe('the cluster that a command uses', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
    const twice = {
      ...config('', 'staging'),
      clusters: [named('test', { cluster: { server: serverOf('other') } })],
    };
    const files = {
      ...{ test: config('test', 'test', 'spare'), staging: config('staging', 'staging'), twice },
      ...{ none: {}, away: config('gone', 'test', 'spare') },
    };
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(folder, name), JSON.stringify(content));
    writeFileSync(join(folder, 'broken'), 'users:\n  - token: "Canary-7Hq2\n');
    writeFileSync(join(folder, 'empty'), '');
  });
  after(() => rmSync(folder, { recursive: true }));

  function audit(files: readonly string[], ...flags: readonly string[]): string {
    const KUBECONFIG = files.map((file) => join(folder, file)).join(delimiter);
    const { status, stderr } = spawnSync(process.execPath, [program, 'audit', ...flags], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG },
    });
    assert.equal(status, 2);
    assert.doesNotMatch(stderr, /Canary/);
    return stderr;
  }

  const chosen: readonly (readonly [string, readonly string[], readonly string[], string])[] = [
    ['the current context', ['test'], [], 'test'],
    ['the context that the flag names', ['test'], ['--context', 'spare'], 'spare'],
    ['the file that the flag names', ['test'], ['--kubeconfig=staging'], 'staging'],
    ['the first current context of several files, as with kubectl', ['test', 'staging'], [], 'test'],
    [
      'a context of a later file, named by the flag',
      ['test', 'staging'],
      ['--context', 'staging'],
      'staging',
    ],
    ['the first of two clusters of the same name, as with kubectl', ['test', 'twice'], [], 'test'],
    ['an existing file, if another file does not exist, as with kubectl', ['missing', 'test'], [], 'test'],
    ['the first current context, if an earlier file has none', ['none', 'test'], [], 'test'],
  ];
  for (const [what, files, flags, cluster] of chosen) {
    it(`is the cluster of ${what}`, () => {
      const placed = flags.map((flag) => flag.replace('--kubeconfig=', `--kubeconfig=${folder}/`));
      assert.match(
        audit(files, ...placed),
        new RegExp(`at ${serverOf(cluster)}, found none: .*ECONNREFUSED`),
      );
    });
  }

  const wrong: readonly (readonly [string, readonly string[], readonly string[], RegExp])[] = [
    [
      'a file that does not exist',
      ['missing'],
      [],
      /missing\) cannot be read: there is no such file; correct it/,
    ],
    ['a directory', ['.'], [], /cannot be read: EISDIR/],
    ['a file that is not YAML', ['broken'], [], /broken\) cannot be read: line \d is not YAML/],
    ['an empty file', ['empty'], [], /cannot be read: it is empty, or not YAML/],
    ['no context', ['none'], [], /no cluster for its context ""; its contexts: none/],
    [
      'a current context that does not exist',
      ['away'],
      [],
      /no cluster for its context "gone"; its contexts: "test", "spare"; choose one with --context/,
    ],
    [
      'a typo in the flag',
      ['test'],
      ['--context', 'tset'],
      /no cluster for its context "tset"; its contexts: "test", "spare"/,
    ],
  ];
  for (const [what, files, flags, says] of wrong) {
    it(`is not found with ${what}, and the error says what to do`, () =>
      assert.match(audit(files, ...flags), says));
  }
});

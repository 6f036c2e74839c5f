import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { builtProgram } from '../../../hack/testenv/program.ts';

const program = await builtProgram();

/** Nobody listens there: the message tells which cluster was asked. */
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

describe('the cluster that a command asks', () => {
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

  const asked: readonly (readonly [string, readonly string[], readonly string[], string])[] = [
    ['its current context', ['test'], [], 'test'],
    ['another context, by the flag', ['test'], ['--context', 'spare'], 'spare'],
    ['another file, by the flag', ['test'], ['--kubeconfig=staging'], 'staging'],
    ['the first current context of several files, as kubectl', ['test', 'staging'], [], 'test'],
    ['a context of a later file, by the flag', ['test', 'staging'], ['--context', 'staging'], 'staging'],
    ['the first of two clusters of one name, as kubectl', ['test', 'twice'], [], 'test'],
    ['a file that is there, beside one that is not, as kubectl', ['missing', 'test'], [], 'test'],
    ['the first current context, where an earlier file has none', ['none', 'test'], [], 'test'],
  ];
  for (const [what, files, flags, cluster] of asked) {
    it(`is that of ${what}`, () => {
      const placed = flags.map((flag) => flag.replace('--kubeconfig=', `--kubeconfig=${folder}/`));
      assert.match(
        audit(files, ...placed),
        new RegExp(`at ${serverOf(cluster)}, found none: .*ECONNREFUSED`),
      );
    });
  }

  const wrong: readonly (readonly [string, readonly string[], readonly string[], RegExp])[] = [
    [
      'a file that is not there',
      ['missing'],
      [],
      /missing\) cannot be read: there is no such file; correct it/,
    ],
    ['a folder', ['.'], [], /cannot be read: EISDIR/],
    ['one that is no YAML', ['broken'], [], /broken\) cannot be read: line \d is not YAML/],
    ['one that is empty', ['empty'], [], /cannot be read: it is empty, or not YAML/],
    ['no context at all', ['none'], [], /no cluster for its context ""; its contexts: none/],
    [
      'a current context that there is not',
      ['away'],
      [],
      /no cluster for its context "gone"; its contexts: "test", "spare"; choose one with --context/,
    ],
    [
      'a slip in the flag',
      ['test'],
      ['--context', 'tset'],
      /no cluster for its context "tset"; its contexts: "test", "spare"/,
    ],
  ];
  for (const [what, files, flags, says] of wrong) {
    it(`is none with ${what}, and the error says what to do`, () =>
      assert.match(audit(files, ...flags), says));
  }
});

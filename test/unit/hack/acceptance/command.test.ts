import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runCommand } from '../../../../hack/acceptance/command.ts';
import { isRunning } from '../../../../hack/testenv/processes/process-group.ts';
import { until } from '../../../support/until.ts';

describe('the command before the password change', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'icb-command-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** A command that runs for a minute in a process below the shell, which writes its ID to a file. */
  const endless = (file: string) =>
    `sleep 60 & echo $! > '${file}.new'; mv '${file}.new' '${file}'; wait; true`;

  async function isGone(file: string): Promise<void> {
    const pid = Number(await readFile(file, 'utf8'));
    assert.ok(pid > 0);
    await until(async () => !isRunning(pid), 'the process below the shell to end', 10);
  }

  it('succeeds with the code 0', async () => {
    await runCommand('exit 0', new AbortController().signal);
  });

  it('fails with another code, and does not show the command', async () => {
    await assert.rejects(
      runCommand('echo canary-5Hq; exit 3', new AbortController().signal),
      /^Unexpected: expected --rotate-command to exit with 0, found 3$/,
    );
  });

  it('is killed with its processes after the time limit', async () => {
    const file = join(folder, 'late');
    await assert.rejects(runCommand(endless(file), new AbortController().signal, 1), /to exit within 1 s/);
    await isGone(file);
  });

  it('is killed with its processes when the run is stopped', async () => {
    const file = join(folder, 'stopped');
    const stop = new AbortController();
    const running = assert.rejects(runCommand(endless(file), stop.signal));
    await until(async () => existsSync(file), 'the command to run', 10);
    stop.abort();
    await running;
    await isGone(file);
  });
});

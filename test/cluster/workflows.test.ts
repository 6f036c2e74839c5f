import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { tools } from '../../hack/tools.ts';

const folder = join(import.meta.dirname, '../../.github/workflows');

it('the workflows are what actionlint expects', async () => {
  const { actionlint } = await tools(['actionlint'], (line) => process.stderr.write(`${line}\n`));
  const files = readdirSync(folder).map((file) => join(folder, file));
  assert.ok(files.length > 0);
  const { status, stdout } = spawnSync(actionlint, ['-no-color', '-shellcheck=', '-pyflakes=', ...files], {
    encoding: 'utf8',
  });
  assert.equal(stdout, '');
  assert.equal(status, 0);
});

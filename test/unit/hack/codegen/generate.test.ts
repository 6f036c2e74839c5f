import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ROOT } from '../../../../hack/root.ts';

const crd = 'crds/credentials.securecodebox.io_imagecredentialbindings.yaml';
const types = 'src/api/generated/image-credential-binding/types.ts';

interface Result {
  readonly status: number | null;
  readonly stderr: string;
}

function generate(directory: string, ...options: readonly string[]): Result {
  const script = join(directory, 'hack/codegen/generate.ts');
  return spawnSync(process.execPath, [script, ...options], { encoding: 'utf8' });
}

describe('npm run generate', () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'generate-'));
    for (const folder of ['crds', 'hack', 'src/api', 'src/telemetry', 'docs/reference']) {
      cpSync(join(ROOT, folder), join(copy, folder), { recursive: true });
    }
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  });
  afterEach(() => rmSync(copy, { recursive: true }));

  it('was run after the last change of the CRD', () => {
    assert.deepEqual(pick(generate(ROOT, '--check')), { status: 0, stderr: '' });
  });

  const edits: Readonly<Record<string, () => void>> = {
    'was edited': () => appendFileSync(join(copy, types), '// by hand\n'),
    'is missing': () => rmSync(join(copy, types)),
    'is older than the CRD': () => {
      const text = readFileSync(join(copy, crd), 'utf8');
      writeFileSync(join(copy, crd), text.replace('The image, in the same form as in a pod', 'The image'));
    },
  };
  for (const [what, edit] of Object.entries(edits)) {
    it(`--check fails and says what to do if a file ${what}, and generate corrects it`, () => {
      edit();
      const { status, stderr } = generate(copy, '--check');
      assert.equal(status, 1);
      assert.match(stderr, /run npm run generate/);
      assert.match(stderr, new RegExp(`^ {2}${types}$`, 'm'));
      assert.equal(generate(copy).status, 0);
      assert.deepEqual(pick(generate(copy, '--check')), { status: 0, stderr: '' });
    });
  }

  it('--check names a file that is no longer generated, and generate removes it', () => {
    const file = 'src/api/generated/old.ts';
    writeFileSync(join(copy, file), '');
    assert.match(generate(copy, '--check').stderr, new RegExp(`^ {2}${file}$`, 'm'));
    assert.equal(generate(copy).status, 0);
    assert.throws(() => readFileSync(join(copy, file)), { code: 'ENOENT' });
  });

  it('refuses a schema that it cannot translate, and names the keyword', () => {
    const text = readFileSync(join(copy, crd), 'utf8');
    const unknown = 'x-kubernetes-int-or-string: true';
    writeFileSync(
      join(copy, crd),
      text.replace('maxLength: 780', `maxLength: 780\n                  ${unknown}`),
    );
    const { status, stderr } = generate(copy);
    assert.equal(status, 1);
    assert.match(stderr, /found x-kubernetes-int-or-string/);
  });
});

function pick({ status, stderr }: Result): Result {
  return { status, stderr };
}

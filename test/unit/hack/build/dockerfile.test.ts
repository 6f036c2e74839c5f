import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../../hack/root.ts';
import packageJson from '../../../../package.json' with { type: 'json' };

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of a Dockerfile by stage. The first element contains the instructions before the first stage. */
function stagesOf(file: string): readonly (readonly Instruction[])[] {
  const instructions = file
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ name: line.slice(0, line.indexOf(' ')), text: line.slice(line.indexOf(' ') + 1) }));
  const starts = instructions.flatMap(({ name }, index) => (name === 'FROM' ? [index] : []));
  return [0, ...starts].map((start, part) => instructions.slice(start, starts[part]));
}

const [settings = [], build = [], final = []] = stagesOf(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
const textsOf = (stage: readonly Instruction[], wanted: string) =>
  stage.filter(({ name }) => name === wanted).map(({ text }) => text);

/** Executes the text of a COPY instruction, from the repository into a folder. */
function copy(text: string, folder: string): void {
  const froms = text.split(' ');
  const to = froms.pop() ?? '';
  for (const from of froms) {
    const target = to.endsWith('/') ? join(folder, to, basename(from)) : join(folder, to);
    cpSync(join(ROOT, from), target, { recursive: true });
  }
}

/** The tests have no tool that builds images. They execute the COPY and RUN instructions in a folder instead. */
describe('the Dockerfile', () => {
  let root: string;

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'icb-image-'));
  });
  after(() => rmSync(root, { recursive: true }));

  it('copies only files that .dockerignore includes', () => {
    const allowed = readFileSync(join(ROOT, '.dockerignore'), 'utf8').match(/(?<=^!).+$/gm) ?? [];
    const sources = [...textsOf(build, 'COPY'), ...textsOf(final, 'COPY')]
      .filter((text) => !text.startsWith('--from'))
      .flatMap((text) =>
        text
          .split(' ')
          .slice(0, -1)
          .map((source) => source.replace(/^\.\//, '')),
      );
    assert.ok(sources.length > 5);
    assert.deepEqual(sources.toSorted(), allowed.toSorted());
  });

  it('builds the bundle from the copied files, and starts it at its path in the image', () => {
    const source = join(root, 'source');
    for (const text of textsOf(build, 'COPY')) copy(text, source);
    assert.deepEqual(textsOf(build, 'RUN'), ['npm ci --ignore-scripts', 'node hack/build/bundle.ts']);
    symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'));
    const built = spawnSync(process.execPath, ['hack/build/bundle.ts'], { cwd: source, encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);

    assert.deepEqual(textsOf(final, 'COPY'), ['--from=build /source/dist /app', 'LICENSE /app/']);
    cpSync(join(source, 'dist'), join(root, 'app'), { recursive: true });
    const [node, program = ''] = JSON.parse(textsOf(final, 'ENTRYPOINT')[0] ?? '') as readonly string[];
    assert.equal(node, '/nodejs/bin/node');
    const { status, stdout } = spawnSync(process.execPath, [join(root, program), '--version'], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout], [0, `${packageJson.version}\n`]);
  });

  it('builds an image of Node 24 without a shell, for a non-root user, with labels that describe it', () => {
    const [base = ''] = textsOf(settings, 'ARG').filter((text) => text.startsWith('BASE_IMAGE='));
    assert.match(base, /^BASE_IMAGE=gcr\.io\/distroless\/nodejs24-\S+:nonroot$/);
    assert.match(textsOf(final, 'FROM').join(), /^\$\{BASE_IMAGE\}$/);
    // A RUN instruction would need a shell.
    assert.deepEqual(textsOf(final, 'RUN'), []);
    assert.deepEqual(textsOf(final, 'USER'), ['65532:65532']);
    const labels = [...(textsOf(final, 'LABEL')[0] ?? '').matchAll(/org\.opencontainers\.image\.([\w.]+)=/g)];
    assert.deepEqual(labels.map(([, name]) => name).toSorted(), [
      'base.name',
      'description',
      'licenses',
      'revision',
      'source',
      'title',
      'url',
      'vendor',
      'version',
    ]);
  });

  it('has an entrypoint that the chart keeps, and to which it only passes arguments', () => {
    const templates = globSync('charts/image-credential-binding/templates/*.yaml', { cwd: ROOT });
    const texts = templates.map((file) => readFileSync(join(ROOT, file), 'utf8'));
    assert.ok(texts.some((text) => /^ +args:\n +- controller$/m.test(text)));
    for (const text of texts) assert.doesNotMatch(text, /^\s+command:/m);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';

const repository = join(import.meta.dirname, '../../../..');

const CIRCLE = 'lint/suspicious/noImportCycles';
const DIRECTION = /hack\/lint\/direction\.grit/;
const FRONT_DOOR = /through its index\.ts/;
const SIBLING = /does not import another one/;
const PATH = /shortest relative path|written out/;
const PURE = /folder is pure/;

/** A function with this number of statements. */
const statements = (count: number) =>
  `export function f(g: () => void): void {\n${'  g();\n'.repeat(count)}}\n`;
/** A function with this number of branches. */
const branches = (count: number) =>
  `export function f(a: number): number {\n${'  if (a > 1) return a;\n'.repeat(count)}  return 0;\n}\n`;
/** A function with this number of parameters. */
const parameters = (count: number) =>
  `export const f = (${Array.from({ length: count }, (_, index) => `p${index}: number`).join(', ')}): number =>
  p0;\n`;

/** File, content, and Biome's diagnostic: the name of a Biome rule, the message of a project rule, or none. */
const CASES: readonly (readonly [string, string, string | RegExp | undefined])[] = [
  ['src/image/circle-a.ts', "import type { B } from './circle-b.ts';\nexport type A = B[];\n", CIRCLE],
  ['src/image/circle-b.ts', "import type { A } from './circle-a.ts';\nexport type B = A[];\n", CIRCLE],
  ['src/state/imports.ts', "import '../kube/cache/store.ts';\n", FRONT_DOOR],
  ['src/state/imports-type.ts', "import type { A } from '../image/a.ts';\nexport type B = A;\n", FRONT_DOOR],
  ['src/state/imports-later.ts', "export const a = await import('../image/a.ts');\n", FRONT_DOOR],
  ['src/state/type-query.ts', "export type A = import('../image/a.ts').A;\n", FRONT_DOOR],
  ['src/state/exports.ts', "export { A } from '../image/a.ts';\n", FRONT_DOOR],
  ['src/state/nested-door.ts', "import '../kube/cache/index.ts';\n", FRONT_DOOR],
  ['src/kube/below.ts', "import './cache/store.ts';\n", FRONT_DOOR],
  ['src/kube/client/beside.ts', "import '../cache/store.ts';\n", FRONT_DOOR],
  ['hack/demo/imports.ts', "import '../../src/kube/queue.ts';\n", FRONT_DOOR],
  ['hack/demo/nested.ts', "import '../../src/kube/cache/index.ts';\n", FRONT_DOOR],
  ['hack/demo/beside.ts', "import '../testenv/registry.ts';\n", FRONT_DOOR],
  ['src/image/upward.ts', "import '../credential/index.ts';\n", DIRECTION],
  ['src/kube/domain.ts', "import '../binding/index.ts';\n", DIRECTION],
  [
    'src/telemetry/upward.ts',
    "import type { A } from '../manager/index.ts';\nexport type B = A;\n",
    DIRECTION,
  ],
  ['src/controllers/binding/deep.ts', "export * from '../../cli/index.ts';\n", DIRECTION],
  ['src/controllers/binding/status/deeper.ts', "import '../../../manager/index.ts';\n", DIRECTION],
  ['src/controllers/run/beside.ts', "import '../binding/index.ts';\n", SIBLING],
  ['src/controllers/binding/status/beside.ts', "import '../../run/index.ts';\n", SIBLING],
  ['src/controllers/run/roundabout.ts', "import '../../controllers/binding/index.ts';\n", SIBLING],
  ['src/image/dotted.ts', "import './../kube/index.ts';\n", PATH],
  ['src/image/around.ts', "import '../../src/kube/index.ts';\n", PATH],
  ['src/image/template.ts', 'export const a = await import(`../kube/index.ts`);\n', PATH],
  ['src/state/unlisted.ts', "import '../admission/index.ts';\n", DIRECTION],
  ['src/controllers/run/a/b/deepest.ts', "import '../../../../cli/index.ts';\n", DIRECTION],
  ['src/policy/clock.ts', 'export const now = Date.now();\n', PURE],
  ['src/policy/chance.ts', 'export const chance = Math.random();\n', PURE],
  ['src/controllers/run/decide.ts', 'export const now = new Date();\n', PURE],
  ['src/policy/parse.ts', "export const time = Date.parse('2026-01-01');\n", undefined],
  ['src/scan/type.ts', "export type A = import('undici').Agent;\n", PURE],
  ['src/controllers/run/shared.ts', "import '../changes.ts';\n", undefined],
  ['src/text/later.ts', "export const a = await import('../object/index.ts');\n", DIRECTION],
  ['src/unlisted/new.ts', "import '../text/index.ts';\n", DIRECTION],
  ['src/policy/files.ts', "import 'node:fs';\n", PURE],
  ['src/scan/requests.ts', "import { request } from 'undici';\nexport const a = request;\n", PURE],
  ['src/platform/later.ts', "export const a = await import('node:http');\n", PURE],
  ['src/secret/net.ts', "import { connect, isIPv6 } from 'node:net';\nexport { connect, isIPv6 };\n", PURE],
  ['src/kube/statements.ts', statements(21), 'lint/nursery/noExcessiveStatementsPerFunction'],
  ['src/kube/branches.ts', branches(11), 'lint/complexity/noExcessiveCognitiveComplexity'],
  ['src/kube/parameters.ts', parameters(5), 'lint/complexity/useMaxParams'],
  ['hack/demo/statements.ts', statements(21), 'lint/nursery/noExcessiveStatementsPerFunction'],
  ['test/unit/statements.test.ts', statements(21), 'lint/nursery/noExcessiveStatementsPerFunction'],
  ['src/state/door.ts', "import '../kube/index.ts';\nimport '../image/index.ts';\n", undefined],
  ['src/controllers/binding/door.ts', "import './verification/index.ts';\n", undefined],
  [
    'src/controllers/binding/verification/above.ts',
    "import '../observe.ts';\nimport '../../x.ts';\n",
    undefined,
  ],
  ['src/controllers/binding/verification/beside.ts', "import '../status/index.ts';\n", undefined],
  ['src/credential/net.ts', "import { isIPv6 } from 'node:net';\nexport { isIPv6 };\n", undefined],
  ['src/platform/crypto.ts', "import 'node:crypto';\n", undefined],
  ['hack/demo/door.ts', "import '../../src/kube/index.ts';\nimport '../testenv/index.ts';\n", undefined],
  ['test/unit/kube/defining.test.ts', "import '../../../src/kube/cache/store.ts';\n", undefined],
  ['src/kube/within.ts', statements(20) + branches(10).replace(' f(', ' g('), undefined],
];

interface Diagnostic {
  readonly category: string;
  readonly message: string;
  readonly location: { readonly path: string };
}

describe('the lint rules', () => {
  let project: string;
  let diagnostics: readonly Diagnostic[];

  before(() => {
    project = mkdtempSync(join(tmpdir(), 'icb-lint-'));
    for (const path of ['biome.json', 'hack/lint'])
      cpSync(join(repository, path), join(project, path), { recursive: true });
    for (const [path, content] of CASES) {
      mkdirSync(dirname(join(project, path)), { recursive: true });
      writeFileSync(join(project, path), content);
    }
    const biome = join(repository, 'node_modules/@biomejs/biome/bin/biome');
    const args = [
      'lint',
      '--vcs-enabled=false',
      '--max-diagnostics=none',
      '--reporter=json',
      'src',
      'hack',
      'test',
    ];
    const { stdout, stderr } = spawnSync(process.execPath, [biome, ...args], {
      cwd: project,
      encoding: 'utf8',
    });
    assert.ok(stdout.startsWith('{'), stderr);
    ({ diagnostics } = JSON.parse(stdout));
  });
  after(() => rmSync(project, { recursive: true }));

  for (const [path, content, expected] of CASES) {
    it(`${expected === undefined ? 'accept' : 'report'} ${path}: ${content.split('\n')[0]}`, () => {
      const found = diagnostics
        .filter(({ location }) => location.path === path)
        .map(({ category, message }) => (category === 'plugin' ? message : category));
      // Several rules may report the same line, in any order.
      const isExpected = (one: string) =>
        expected instanceof RegExp ? expected.test(one) : one === expected;
      if (expected === undefined) assert.deepEqual(found, []);
      else assert.ok(found.some(isExpected), `found ${found.join('; ') || 'nothing'}`);
    });
  }
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { imageCredentialBindingEnums } from '../../../src/api/generated/image-credential-binding/resource.ts';
import { PLATFORMS } from '../../../src/platform/platforms.ts';

const ROOT = new URL('../../../', import.meta.url);
const NAMES: readonly string[] = PLATFORMS.map(({ name }) => name);
const FOLDERS = NAMES.map((name) => name.toLowerCase());

function entries(folder: string, kind: 'folders' | 'pages'): readonly string[] {
  return readdirSync(new URL(folder, ROOT), { withFileTypes: true })
    .filter((entry) => (kind === 'folders' ? entry.isDirectory() : entry.name.endsWith('.md')))
    .map(({ name }) => name.replace(/\.md$/, ''))
    .filter((name) => name !== 'README');
}

function assertSame(found: readonly string[], expected: readonly string[], advice: string): void {
  const [missing, unknown] = [
    expected.filter((name) => !found.includes(name)),
    found.filter((name) => !expected.includes(name)),
  ];
  assert.deepEqual({ missing, unknown }, { missing: [], unknown: [] }, advice);
}

describe('the list of platforms', () => {
  it('has each folder of src/platform, by its name in lower case', () => {
    const advice = `src/platform has the folders ${entries('src/platform', 'folders').join(', ')}, and PLATFORMS in \
src/platform/platforms.ts the platforms ${NAMES.join(', ')}; add the missing folder or line`;
    assertSame(entries('src/platform', 'folders'), FOLDERS, advice);
  });

  it('ends with the only platform that owns every host', () => {
    assert.deepEqual(
      PLATFORMS.map((platform) => platform.owns('unknown.example')),
      NAMES.map((_, index) => index === NAMES.length - 1),
    );
  });

  it('has the names of the enum of status.platform in the CRD', () => {
    const found = imageCredentialBindingEnums.Platform;
    const advice = `status.platform in crds/ has the enum ${found.join(', ')}, and PLATFORMS in \
src/platform/platforms.ts the platforms ${NAMES.join(', ')}; change the enum and its description in crds/, and run \
\`npm run generate\``;
    assertSame(found, NAMES, advice);
  });

  it('has a page in docs/platforms for each name', () => {
    const found = entries('docs/platforms', 'pages');
    const advice = `docs/platforms has the pages ${found.join(', ')}, and PLATFORMS in src/platform/platforms.ts the \
platforms ${NAMES.join(', ')}; write the missing page, with the hosts of the platform and the Secrets that it reads`;
    assertSame(found, FOLDERS, advice);
  });

  for (const name of NAMES) {
    it(`has ${name} in the table of docs/platforms/README.md`, () => {
      const page = readFileSync(new URL('docs/platforms/README.md', ROOT), 'utf8');
      const advice = `add a row for ${name} to the table of docs/platforms/README.md: a link to \
${name.toLowerCase()}.md, and its hosts`;
      assert.ok(page.includes(`\n| [${name}](${name.toLowerCase()}.md)`), advice);
    });
  }
});

/** Checks what docs/air-gapped.md says about mirrors and Trivy's databases. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { readPage } from '../../support/docs/markdown.ts';
import { Files, pullSecret, runExplain, scheduledScan } from '../../support/explain.ts';

const page = readPage('docs/air-gapped.md');

describe('a cluster without internet access', () => {
  it('has variables for the databases that Trivy knows', async () => {
    const block = page.blocks.find(({ text }) => text.includes('TRIVY_DB_REPOSITORY'));
    const { scanner } = load(block?.text ?? '') as {
      readonly scanner: { readonly env: readonly { readonly name: string }[] };
    };
    const { trivy } = await tools(['trivy'], (line) => process.stderr.write(`${line}\n`));
    await using group = await ProcessGroup.start();
    const { stdout } = await group.run(trivy, ['image', '--help']);
    assert.ok(scanner.env.length > 3);
    for (const { name } of scanner.env) {
      const flag = name
        .replace(/^TRIVY_/, '')
        .toLowerCase()
        .replaceAll('_', '-');
      assert.match(stdout, new RegExp(`--${flag}\\b`), name);
    }
  });

  it('has scans of mirrored images migrated to the mirror', () => {
    const block = page.blocks.find(({ text }) => text.includes('replaces:'));
    using files = new Files();
    const image = 'docker.io/library/nginx:1.29';
    const { stdout, status } = runExplain([
      image,
      ...files.write('binding.yaml', block?.text ?? ''),
      ...files.write('scan.json', scheduledScan('nginx', [image])),
      ...files.write(
        'secret.json',
        pullSecret('registry-example-org', { 'registry.example.org': { auth: btoa('a:b') } }),
      ),
    ]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /registry\.example\.org\/mirror\/nginx:1\.29/);
  });
});

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LICENCES } from '../../../hack/build/bundle.ts';
import { sbom } from '../../../hack/build/sbom.ts';
import { Bundled, resident } from '../../support/bundled.ts';
import { Cluster } from '../../support/cluster/cluster.ts';

const MAX_RESIDENT_MIB = 140;

describe('the bundle', () => {
  let bundled: Bundled;

  before(async () => {
    bundled = await Bundled.make();
  });
  after(async () => bundled?.[Symbol.asyncDispose]());

  it('contains the license of each bundled package', async () => {
    const text = await readFile(join(bundled.app, LICENCES), 'utf8');
    const { packages } = bundled.bundle;
    assert.ok(packages.length > 10);
    for (const { name, version, licence } of packages) {
      assert.ok(text.includes(`\n${name} ${version}: ${licence}\n`), name);
    }
  });

  it('contains no package that is missing from the SBOM', async () => {
    const { bomFormat, components } = await sbom();
    assert.equal(bomFormat, 'CycloneDX');
    const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
    const bundledPackages = bundled.bundle.packages.map(({ name, version }) => `${name}@${version}`);
    assert.deepEqual(
      bundledPackages.filter((each) => !listed.has(each)),
      [],
    );
    // Packages for development only.
    assert.ok(!components.some(({ name }) => name === 'esbuild' || name === 'typescript'));
  });

  it('becomes ready as another user without write permissions, with the arguments of the chart', async () => {
    await using cluster = await Cluster.start();
    const { child } = await bundled.start(cluster.controlPlane);
    const mebibytes = await resident(child);
    assert.ok(mebibytes <= MAX_RESIDENT_MIB, `${mebibytes.toFixed(0)} MiB`);
    assert.deepEqual(await child.stop(), { code: 0, signal: null });
    assert.deepEqual(await readdir(bundled.empty), []);
  });
});

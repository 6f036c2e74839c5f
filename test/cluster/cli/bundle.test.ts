import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LICENCES } from '../../../hack/build/bundle.ts';
import { sbom } from '../../../hack/build/sbom.ts';
import { Bundled, resident } from '../../support/bundled.ts';
import { Cluster } from '../../support/cluster/cluster.ts';

/** Limit on the start-up time, as a multiple of the time of `--version`. `node test/bench/bundle.ts` prints both. */
const MAX_TIMES_VERSION = 2.5;
/** Limit on the rounds that look for the shortest times. Other load on the machine only makes a round longer. */
const MAX_ROUNDS = 12;
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
    // Do not measure the first start: the API server refuses watches of a new CRD for about a second.
    await (await bundled.start(cluster.controlPlane)).child.stop();
    const shortest = { start: Number.POSITIVE_INFINITY, version: Number.POSITIVE_INFINITY };
    const times = () => shortest.start / shortest.version;
    // Take the shortest of several times of --version, because a single slow one would let every start pass.
    for (let round = 0; round < MAX_ROUNDS && (round < 3 || times() > MAX_TIMES_VERSION); round += 1)
      await measure();
    assert.ok(times() <= MAX_TIMES_VERSION, `${times().toFixed(1)} times --version`);
    const { child } = await bundled.start(cluster.controlPlane);
    const mebibytes = await resident(child);
    assert.ok(mebibytes <= MAX_RESIDENT_MIB, `${mebibytes.toFixed(0)} MiB`);
    assert.deepEqual(await child.stop(), { code: 0, signal: null });
    assert.deepEqual(await readdir(bundled.empty), []);

    async function measure(): Promise<void> {
      shortest.version = Math.min(shortest.version, bundled.versionMilliseconds());
      const { child, milliseconds } = await bundled.start(cluster.controlPlane);
      shortest.start = Math.min(shortest.start, milliseconds);
      await child.stop();
    }
  });
});

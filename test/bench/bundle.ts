/**
 * Prints the size of the bundle, the time until it is ready compared with `--version`, and the memory that it then uses:
 * `npm run bench -- bundle`. Of the times, only the ratio is meaningful.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Bundled, middle, resident } from '../support/bundled.ts';
import { Cluster } from '../support/cluster/cluster.ts';

const ROUNDS = 7;
/** Time for the garbage of the startup to be collected. */
const IDLE_MS = 5_000;

await using cluster = await Cluster.start();
await using bundled = await Bundled.make();
const { bytes, packages } = bundled.bundle;
const [versions, starts]: [number[], number[]] = [[], []];
let mebibytes = 0;
for (let round = 1; round <= ROUNDS; round += 1) {
  versions.push(bundled.versionMilliseconds());
  const { child, milliseconds } = await bundled.start(cluster.controlPlane);
  starts.push(milliseconds);
  if (round === ROUNDS) {
    await delay(IDLE_MS);
    mebibytes = await resident(child);
  }
  await child.stop();
}
const [version, start] = [middle(versions), middle(starts)];
process.stdout.write(
  `the bundle: ${(bytes / 1e6).toFixed(1)} MB of ${packages.length} packages\n` +
    `  --version ${version.toFixed(0)} ms, start to ready ${start.toFixed(0)} ms: ${(start / version).toFixed(2)} times (median of ${ROUNDS})\n` +
    `  idle: ${mebibytes.toFixed(0)} MiB resident\n`,
);

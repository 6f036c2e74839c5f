import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { amount } from '../../support/amount.ts';
import { Soak } from '../../support/soak/soak.ts';

const CHANGES = amount(2_000, 200_000);

let controlPlane: ControlPlane;
before(async () => {
  controlPlane = await startControlPlane({
    auditLog: false,
    log: (line) => process.stderr.write(`${line}\n`),
  });
});
after(() => controlPlane?.stop());

it(`stores miss none of ${CHANGES} changes while connections are cut and faults are injected`, async (context) => {
  const soak = await Soak.start({ controlPlane, seed: 1 });
  context.after(() => soak.proxy.stop());
  const begun = performance.now();
  try {
    await soak.run((changes) => changes >= CHANGES);
    const seconds = (performance.now() - begun) / 1_000;
    const lag = await soak.settle();
    context.diagnostic(
      `${soak.changes} changes in ${seconds.toFixed(1)} s, ${soak.cuts} cuts, stores equal ${lag.toFixed(0)} ms after the last change; seen: ${soak.observers.map(({ changes }) => changes).join(', ')}`,
    );
    context.diagnostic(`faults: ${JSON.stringify(soak.proxy.counts)}`);
    assert.deepEqual(soak.violations, []);
    // A run without faults would prove nothing.
    const faults = Object.values(soak.proxy.counts).reduce((sum, count) => sum + count, 0);
    assert.ok(faults >= 5 && soak.cuts > 3, `${faults} faults, ${soak.cuts} cuts`);
    assert.deepEqual(await soak.stop(), []);
  } catch (error) {
    context.diagnostic(soak.proxy.report);
    await soak.stop();
    throw error;
  }
});

/**
 * Prints the duration and the size of a Prometheus scrape with few and with many bindings, all of which are either ready or
 * not ready: `npm run bench -- metrics`.
 */
import type { ImageCredentialBindingStatus } from '../../src/api/index.ts';
import { type Binding, readBinding } from '../../src/binding/binding.ts';
import {
  countByReadiness,
  credentialExpirations,
  notReady,
  withUnboundScans,
} from '../../src/controllers/binding/status/readiness.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';

const NAMESPACES = 50;
const ROUNDS = 50;

process.stdout.write('a Prometheus scrape, median of 50:\n');
for (const count of [0, 1_000, 5_000, 20_000]) {
  for (const status of ['True', 'False'] as const) {
    const bindings = Array.from({ length: count }, (_, index) => binding(index, status));
    const metrics = new Metrics({ lease: 'icb/icb', leads: () => true });
    metrics.publishBindings({
      readiness: () => countByReadiness(bindings),
      notReady: () => notReady(bindings),
      expirations: () => credentialExpirations(bindings),
      unboundScans: () => withUnboundScans(bindings),
      temporarySecrets: () => 0,
      leftSecrets: () => 0,
    });
    const { milliseconds, bytes } = await measure(metrics);
    process.stdout.write(
      `  ${String(count).padStart(6)} bindings, ${status === 'True' ? 'all ready' : 'none ready, all credentials expire'}: ` +
        `${milliseconds.toFixed(1)} ms, ${(bytes / 1024).toFixed(0)} KiB\n`,
    );
  }
}

async function measure({ registry }: Metrics): Promise<{ milliseconds: number; bytes: number }> {
  const times: number[] = [];
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = performance.now();
    bytes = (await registry.metrics()).length;
    times.push(performance.now() - begun);
  }
  const milliseconds = times.toSorted((one, other) => one - other)[ROUNDS / 2] ?? 0;
  return { milliseconds, bytes };
}

function binding(index: number, status: 'True' | 'False'): Binding {
  const name = `binding-${index}`;
  return readBinding({
    metadata: { name, namespace: `ns-${index % NAMESPACES}`, uid: name, resourceVersion: '1', generation: 1 },
    spec: { image: `registry.example.com/team/app-${index}`, imagePullSecrets: [] },
    status: statusOf(index, status),
  });
}

function statusOf(index: number, status: 'True' | 'False'): ImageCredentialBindingStatus {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const condition = { message: '', observedGeneration: 1, lastTransitionTime };
  const reason = status === 'True' ? 'Ready' : 'Denied';
  return {
    conditions: [{ ...condition, type: 'Ready', status, reason }],
    credential: {
      secret: { name: `secret-${index}`, uid: 'u' },
      registryKey: 'registry.example.com',
      ...(status === 'True' ? {} : { expirationTime: new Date(1e12 + index * 1000).toISOString() }),
    },
  };
}

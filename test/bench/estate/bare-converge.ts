/**
 * Writes a known outcome: `bare-converge KUBECONFIG OUTCOME`. It makes one create per Trivy Secret, one replace per
 * ScheduledScan, one patch of the status per binding, and no other request. It runs until it is stopped.
 */
import { readFile } from 'node:fs/promises';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import { type KubeObject, keyOf, storedMeta } from '../../../src/object/object.ts';
import { SCHEDULED_SCANS, SECRETS } from '../../../src/object/resources.ts';
import { atOnce } from './at-once.ts';
import { connect, follow, WRITES_AT_ONCE } from './bare.ts';
import type { Outcome } from './outcome.ts';

const [, , kubeconfig = '', file = ''] = process.argv;
// Written by converge.ts.
const outcome = JSON.parse(await readFile(file, 'utf8')) as Outcome;
const client = connect(kubeconfig);
const scans = new Map<string, KubeObject>();
await follow(client, ({ resource }, object) => {
  if (resource === SCHEDULED_SCANS) scans.set(keyOf(storedMeta(object)), object);
});
await atOnce(WRITES_AT_ONCE, outcome.trivySecrets, async (secret) => {
  await client.create(SECRETS, secret);
});
await atOnce(WRITES_AT_ONCE, outcome.bindings, async ({ namespace, name, status, scan }) => {
  const present = scans.get(keyOf({ namespace, name }));
  if (present === undefined) throw new Error(`expected the ScheduledScan ${name}, found none`);
  const metadata = { ...present.metadata, annotations: scan.annotations };
  await client.replace(SCHEDULED_SCANS, { ...present, metadata, spec: scan.spec } as KubeObject);
  await client.patchStatus(imageCredentialBindings, { namespace, name }, { status });
});

/**
 * Brings about an outcome that it is told: `bare-converge KUBECONFIG OUTCOME`. Of each Trivy secret one create, of each
 * ScheduledScan one replace, of each binding one patch of its status, and no other request. Ends when it is ended.
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
  if (present === undefined) throw new Error(`there is no ScheduledScan ${name}`);
  const metadata = { ...present.metadata, annotations: scan.annotations };
  await client.replace(SCHEDULED_SCANS, { ...present, metadata, spec: scan.spec } as KubeObject);
  await client.patchStatus(imageCredentialBindings, { namespace, name }, { status });
});

/** Runs the pods of `docs/examples/kind/registry.yaml` as processes, because the test cluster has no node. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { ROOT } from '../../../hack/root.ts';
import { onFreePort, untilReady } from '../../../hack/testenv/processes/readiness.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import type { ReaderCluster } from './cluster.ts';

const MANIFEST = 'docs/examples/kind/registry.yaml';
const SERVICE = 'registry.shop.svc.cluster.local:5000';

interface Container {
  readonly image: string;
  readonly args?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts: readonly [{ readonly mountPath: string }];
}

/** The part of a Secret, a Deployment or a Job that is used here. */
interface ManifestObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template: { readonly spec: { readonly containers: readonly [Container] } } };
}

/**
 * Starts the registry with the environment of the Deployment and the users of the Secret, and then runs the Job that copies
 * an image into it. Both end with the cluster.
 */
export async function runQuickstartRegistry(cluster: ReaderCluster): Promise<void> {
  const directory = await mkdtemp(join(cluster.controlPlane.directory, 'quickstart-'));
  await writeFile(join(directory, 'htpasswd'), textOf('registry-users', 'htpasswd'));
  await writeFile(join(directory, 'config.json'), textOf('registry-login', '.dockerconfigjson'));
  cluster.cloud.addPlain(SERVICE, await startRegistry(cluster, directory));
  await copyImage(cluster, directory);
}

/** @returns `host:port` of the registry */
async function startRegistry({ controlPlane }: ReaderCluster, directory: string): Promise<string> {
  const { registry } = await tools(['registry'], () => undefined);
  return onFreePort(async (port) => {
    const host = `127.0.0.1:${port}`;
    const file = join(directory, 'config.yml');
    // What the image's own configuration contains, with an address and a folder of this machine.
    const storage = { filesystem: { rootdirectory: join(directory, 'data') } };
    await writeFile(file, JSON.stringify({ version: '0.1', storage, http: { addr: host } }));
    const env = environmentOf(containerOf('Deployment', 'registry'), directory);
    const child = await controlPlane.group.spawn('quickstart-registry', registry, ['serve', file], { env });
    await untilReady(child, async () => (await fetch(`http://${host}/v2/`)).status === 401);
    return host;
  });
}

async function copyImage({ controlPlane, network }: ReaderCluster, directory: string): Promise<void> {
  const { crane } = await tools(['crane'], () => undefined);
  const container = containerOf('Job', 'copy-image');
  assert.match(container.image, /\/crane:/);
  const env = { ...network, ...environmentOf(container, directory) };
  const { code, stderr } = await controlPlane.group.run(crane, container.args ?? [], { env });
  assert.equal(code, 0, stderr);
}

/** The container's environment, with the directory in place of the path where its only volume is mounted. */
function environmentOf(
  { env, volumeMounts }: Container,
  directory: string,
): Readonly<Record<string, string>> {
  const [{ mountPath }] = volumeMounts;
  return Object.fromEntries(env.map(({ name, value }) => [name, value.replace(mountPath, directory)]));
}

function containerOf(kind: string, name: string): Container {
  const container = objectOf(kind, name).spec?.template.spec.containers[0];
  assert.ok(container !== undefined, `${MANIFEST} has no container in ${kind} ${name}`);
  return container;
}

function textOf(secret: string, key: string): string {
  const text = objectOf('Secret', secret).stringData?.[key];
  assert.ok(text !== undefined, `${MANIFEST} has no ${key} in Secret ${secret}`);
  return text;
}

function objectOf(kind: string, name: string): ManifestObject {
  // The API server accepts these objects, so they have this form.
  const objects = loadAll(readFileSync(join(ROOT, MANIFEST), 'utf8')) as readonly ManifestObject[];
  const object = objects.find((each) => each.kind === kind && each.metadata.name === name);
  assert.ok(object !== undefined, `${MANIFEST} has no ${kind} ${name}`);
  return object;
}

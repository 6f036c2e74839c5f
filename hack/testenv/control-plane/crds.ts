import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

type Kubectl = (args: readonly string[]) => Promise<{ readonly stdout: string }>;

const REMOVAL_LIMIT_MS = 60_000;

/**
 * Applies the CRDs in files or folders and waits until the API server serves them.
 *
 * @param paths - may be empty
 */
export async function installCrds(kubectl: Kubectl, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const files = paths.flatMap((path) => ['--filename', resolve(path)]);
  await kubectl(['apply', '--server-side', '--force-conflicts', ...files]);
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...files]);
}

/**
 * Deletes CRDs and waits until they no longer exist. While the API server sets up a CRD's storage, it abandons the deletion
 * (`InstanceDeletionFailed`, "storage is (re)initializing") until the CRD changes. Therefore, this function changes the CRD
 * until it no longer exists:
 * https://github.com/kubernetes/apiextensions-apiserver/blob/master/pkg/controller/finalizer/crd_finalizer.go
 *
 * @param names - of CRDs that exist
 * @throws Error when one still exists after a minute
 */
export async function removeCrds(kubectl: Kubectl, names: readonly string[]): Promise<void> {
  await kubectl(['delete', 'crd', ...names, '--wait=false']);
  const deadline = Date.now() + REMOVAL_LIMIT_MS;
  for (let left = names; ; ) {
    const { stdout } = await kubectl(['get', 'crd', ...left, '--ignore-not-found', '--output=name']);
    left = stdout.split('\n').flatMap((line) => line.split('/')[1] ?? []);
    if (left.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`CRDs still exist a minute after their deletion: ${left.join(', ')}`);
    await delay(500);
    // The CRD may no longer exist.
    await kubectl(['annotate', 'crd', ...left, '--overwrite', `tried=${Date.now()}`]).catch(() => undefined);
  }
}

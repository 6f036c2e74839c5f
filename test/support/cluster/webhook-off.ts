import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a program `helm` into a folder that installs and upgrades charts without the admission webhook. A cluster without nodes
 * needs that, because nothing runs the Job that registers the webhook, and Helm would wait for this Job.
 *
 * @param helm - path of the real program
 */
export async function writeHelmWithoutWebhook(folder: string, helm: string): Promise<void> {
  const script = `#!/bin/sh
case "$1" in
  install | upgrade) exec ${helm} "$@" --set admission.enabled=false ;;
  *) exec ${helm} "$@" ;;
esac
`;
  await writeFile(join(folder, 'helm'), script, { mode: 0o755 });
}

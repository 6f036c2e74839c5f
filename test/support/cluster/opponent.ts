/** A program that applies a ScheduledScan again and again, as Argo CD and Flux do. */
import type { Cluster } from './cluster.ts';

export interface Applying {
  readonly manager: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Takes all fields, as a program does that reverts what others write. */
  readonly force?: boolean;
}

/** Reverts the binding of a ScheduledScan each time. */
export const OPPONENT: Applying = { manager: 'opponent', force: true };

const scanSpec = { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'] };

/** Applies the ScheduledScan `scan` as a program does that applies it from Git. Fails if there is a conflict. */
export async function apply(
  { controlPlane }: Cluster,
  namespace: string,
  { manager, annotations = {}, force = false }: Applying,
): Promise<void> {
  const object = {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'ScheduledScan',
    metadata: { name: 'scan', namespace, annotations },
    // An empty list takes the field, so that entries of others are removed.
    spec: {
      interval: '12h',
      suspend: true,
      scanSpec: force ? { ...scanSpec, env: [], volumes: [], volumeMounts: [] } : scanSpec,
    },
  };
  await controlPlane.kubectl(
    [
      ...['apply', '--server-side', `--field-manager=${manager}`, '-f', '-'],
      ...(force ? ['--force-conflicts'] : []),
    ],
    { input: JSON.stringify(object) },
  );
}

/** Applies the ScheduledScan `scan` until it is stopped. */
export function applyAgainAndAgain(
  cluster: Cluster,
  namespace: string,
  applying: Applying,
): { readonly stop: () => Promise<void> } {
  let isOver = false;
  const work = (async () => {
    while (!isOver) await apply(cluster, namespace, applying);
  })();
  return {
    stop: async () => {
      isOver = true;
      await work;
    },
  };
}

/** The controller's writes of ScheduledScans in a namespace since the audit log had `from` entries. */
export async function writesOfScans(
  cluster: Cluster,
  namespace: string,
  from: number,
): Promise<readonly string[]> {
  const events = await cluster.writesOfController(from);
  return events
    .filter(({ objectRef }) => objectRef?.resource === 'scheduledscans' && objectRef.namespace === namespace)
    .map(({ verb, objectRef }) => `${verb} ${objectRef?.subresource ?? ''}`);
}

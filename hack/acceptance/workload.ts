import { formatReference, type ImageReference } from '../../src/image/index.ts';
import type { KubeObject } from '../../src/object/index.ts';
import { eventually } from '../scenario/index.ts';
import { DEPLOYMENTS, PODS, type Workspace } from './workspace.ts';

const WORKLOAD = 'acceptance';
export const DISCOVERY_ANNOTATION = 'auto-discovery.securecodebox.io/enabled';

const SECONDS = 120;
const POLL_MS = 500;
const UNPRIVILEGED_USER = 65532;

/** What the workload runs. */
interface WorkloadImage {
  readonly image: ImageReference;
  readonly pullSecret: string;
}

/**
 * Creates a Deployment of the image. Its pod satisfies the Pod Security Standard `restricted`. Whether it runs does not
 * matter, because discovery reads the specification of a pod.
 *
 * @returns what its pod does
 */
export async function createWorkload(workspace: Workspace, source: WorkloadImage): Promise<string> {
  await workspace.create(DEPLOYMENTS, {
    metadata: { name: WORKLOAD },
    spec: {
      replicas: 1,
      // With this strategy, the old pod ends although the new one may never become ready.
      strategy: { type: 'Recreate' },
      selector: { matchLabels: { app: WORKLOAD } },
      template: {
        metadata: { labels: { app: WORKLOAD }, annotations: { [DISCOVERY_ANNOTATION]: 'true' } },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 5,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: UNPRIVILEGED_USER,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          ...podImage(source),
        },
      },
    },
  });
  return eventually(`a pod of the Deployment ${WORKLOAD}`, {
    ...limits(workspace),
    read: async () => {
      const [pod] = await workspace.list(PODS);
      return pod === undefined
        ? { result: 'NotYet', found: 'none' }
        : { result: 'Reached', value: describePod(pod) };
    },
  });
}

/** Changes the image and the pull secret of the Deployment. */
export async function changeImage(workspace: Workspace, source: WorkloadImage): Promise<void> {
  await workspace.patch(DEPLOYMENTS, WORKLOAD, { spec: { template: { spec: podImage(source) } } });
}

/** Deletes the Deployment, and waits until its pods have ended. */
export async function deleteWorkload(workspace: Workspace): Promise<void> {
  await workspace.delete(DEPLOYMENTS, WORKLOAD);
  await eventually('the pods of the workload to end', {
    ...limits(workspace),
    read: async () => {
      const pods = (await workspace.list(PODS)).filter(
        ({ metadata }) => metadata.labels?.['app'] === WORKLOAD,
      );
      return pods.length === 0
        ? { result: 'Reached', value: undefined }
        : { result: 'NotYet', found: pods.map(describePod).join('; ') };
    },
  });
}

function limits({ signal }: Workspace) {
  return { seconds: SECONDS, pollMs: POLL_MS, signal };
}

function podImage({ image, pullSecret }: WorkloadImage): object {
  return {
    imagePullSecrets: [{ name: pullSecret }],
    containers: [
      {
        name: 'app',
        image: formatReference(image),
        imagePullPolicy: 'Always',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  };
}

/** The name of a pod, its phase, and why its containers wait. */
export function describePod(pod: KubeObject): string {
  // The API server has checked the shape.
  const { metadata, status = {} } = pod as KubeObject & {
    readonly status?: {
      readonly phase?: string;
      readonly initContainerStatuses?: readonly ContainerStatus[];
      readonly containerStatuses?: readonly ContainerStatus[];
    };
  };
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const reasons = containers.flatMap(({ name, state }) => {
    const reason = state?.waiting?.reason ?? state?.terminated?.reason;
    return reason === undefined ? [] : [`${name}: ${reason}`];
  });
  const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
  return `pod ${metadata.name} is ${status.phase ?? 'Unknown'}${why}`;
}

interface ContainerStatus {
  readonly name: string;
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly terminated?: { readonly reason?: string };
  };
}

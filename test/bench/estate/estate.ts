import { type ImageCredentialBindingSpec, imageCredentialBindings } from '../../../src/api/index.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../../../src/object/object.ts';
import { type Cluster, SCHEDULED_SCANS, SECRETS } from '../../support/cluster/cluster.ts';
import { atOnce } from './at-once.ts';
import { HOST, pullSecretData } from './secrets.ts';

const NAMESPACES = 20;
const AT_ONCE = 16;

/** The objects that the controller works on in a bench. Both numbers must be multiples of the number of namespaces, 20. */
interface EstateSize {
  /** Number of bindings, each with its own ScheduledScan. */
  readonly bindings: number;
  /** Number of pull secrets, which the bindings share evenly. */
  readonly secrets: number;
}

/** Key of a pull secret. */
export interface PullSecretPlace {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Creates bindings, their ScheduledScans and pull secrets. They cause no registry checks, and no scan is due.
 *
 * @returns the pull secrets
 */
export async function prepareEstate(
  cluster: Cluster,
  { bindings, secrets }: EstateSize,
): Promise<readonly PullSecretPlace[]> {
  const places: PullSecretPlace[] = [];
  const objects: (readonly [Resource, object & Pick<KubeObject, 'metadata'>])[] = [];
  for (let count = 0; count < NAMESPACES; count += 1) {
    const { name: namespace } = await cluster.namespace();
    for (let index = 0; index < secrets / NAMESPACES; index += 1) {
      const place = { namespace, name: `pull-${index}` };
      places.push(place);
      objects.push([SECRETS, pullSecret(place, 'first')]);
    }
    for (let index = 0; index < bindings / NAMESPACES; index += 1) {
      const place = { namespace, name: `app-${index}` };
      objects.push([SCHEDULED_SCANS, scheduledScan(place)]);
      objects.push([imageCredentialBindings, binding(place, `pull-${index % (secrets / NAMESPACES)}`)]);
    }
  }
  await atOnce(AT_ONCE, objects, async ([resource, object]) => {
    const { kind } = resource;
    await cluster.client.create(resource, { apiVersion: apiVersionOf(resource), kind, ...object });
  });
  return places;
}

function pullSecret(metadata: PullSecretPlace, password: string) {
  return { metadata, type: 'kubernetes.io/dockerconfigjson', data: pullSecretData(btoa(`user:${password}`)) };
}

function binding(metadata: KubeObject['metadata'], pullSecretName: string) {
  const spec: ImageCredentialBindingSpec = {
    image: `${HOST}/team/${metadata.name}`,
    imagePullSecrets: [{ name: pullSecretName }],
    verification: 'Never',
  };
  return { metadata, spec };
}

function scheduledScan(metadata: KubeObject['metadata']) {
  const parameters = [`${HOST}/team/${metadata.name}:1.0`];
  return { metadata, spec: { schedule: '0 0 1 1 *', scanSpec: { scanType: 'trivy-image', parameters } } };
}

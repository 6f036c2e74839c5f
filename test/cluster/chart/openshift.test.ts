/** Compares the pods of the chart with OpenShift's SCC restricted-v2, as docs/openshift.md says. No OpenShift is used. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Chart, podTemplate } from '../../support/cluster/chart.ts';

/**
 * The SCC: allowed volumes are those of
 * https://github.com/openshift/cluster-kube-apiserver-operator/blob/master/bindata/bootkube/scc-manifests.
 */
const VOLUMES = [
  ...[
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'image',
    'persistentVolumeClaim',
    'projected',
  ],
  'secret',
];
/** What a pod gets from the range of its project, and what is refused if it is set to a value outside of that range. */
const FROM_THE_RANGE = ['runAsUser', 'fsGroup', 'seLinuxOptions'];

interface SecurityContext {
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}
interface PodSpec {
  readonly securityContext?: SecurityContext;
  readonly containers: readonly {
    readonly securityContext?: SecurityContext;
    readonly ports?: readonly { readonly hostPort?: number }[];
  }[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
}

/** Why restricted-v2 would refuse a pod of any project. */
function refusals(pod: PodSpec): readonly string[] {
  const contexts = [
    pod.securityContext ?? {},
    ...pod.containers.map(({ securityContext = {} }) => securityContext),
  ];
  const ofContexts = contexts.flatMap((context) => [
    ...FROM_THE_RANGE.filter((field) => Object.hasOwn(context, field)),
    ...(context.privileged === true ? ['privileged'] : []),
    ...(context.allowPrivilegeEscalation === true ? ['allowPrivilegeEscalation'] : []),
    ...(context.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE'),
    ...[context.seccompProfile?.type ?? 'RuntimeDefault'].filter((type) => type !== 'RuntimeDefault'),
  ]);
  const host = Object.keys(pod).filter((field) => ['hostNetwork', 'hostPID', 'hostIPC'].includes(field));
  const ports = pod.containers.flatMap(({ ports = [] }) => ports.flatMap(({ hostPort }) => hostPort ?? []));
  const volumes = (pod.volumes ?? []).flatMap(({ name: _, ...source }) => Object.keys(source));
  return [...ofContexts, ...host, ...ports.map(String), ...volumes.filter((kind) => !VOLUMES.includes(kind))];
}

describe('the SCC restricted-v2', () => {
  let chart: Chart;
  before(async () => {
    chart = await Chart.open();
  });
  const podsOf = (values: object): readonly PodSpec[] => {
    const objects = chart.objects({ values });
    // The chart's own test helper declares only the fields that it reads.
    return (['Deployment', 'Job'] as const).flatMap((kind) =>
      objects
        .filter((object) => object.kind === kind)
        .map((object) => podTemplate([object], kind).spec as unknown as PodSpec),
    );
  };

  const registries = {
    caConfigMap: 'service-ca',
    caConfigMapKey: 'service-ca.crt',
    proxy: { https: 'http://proxy:3128' },
  };
  const accepted: Readonly<Record<string, object>> = {
    'with default values': {},
    'with a certificate authority, a proxy and discovery': {
      config: { registries, discovery: { enabled: true } },
    },
  };
  for (const [name, values] of Object.entries(accepted)) {
    it(`accepts the pods of the chart ${name}`, () => {
      const pods = podsOf(values);
      assert.equal(pods.length, 3);
      for (const pod of pods) assert.deepEqual(refusals(pod), []);
    });
  }

  it('refuses them if the values set a user or a group, also the pods of the Jobs', () => {
    for (const pod of podsOf({ podSecurityContext: { runAsUser: 65_532, fsGroup: 65_532 } }))
      assert.deepEqual(refusals(pod), ['runAsUser', 'fsGroup']);
  });
});

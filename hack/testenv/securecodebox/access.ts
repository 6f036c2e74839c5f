import type { KubeObject } from '../../../src/object/index.ts';

const group = 'execution.securecodebox.io';
const NAME = 'securecodebox-operator';
const WATCH = ['get', 'list', 'watch'];

/**
 * Objects that create the service account `securecodebox-operator` with the permissions that the stand-in needs in all
 * namespaces. Apply them in this order. Tests use the account to distinguish the stand-in from other writers.
 */
export function secureCodeBoxAccess(
  namespace: string,
): readonly (KubeObject & Readonly<Record<string, unknown>>)[] {
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace } },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: NAME },
      rules: [
        { apiGroups: [group], resources: ['scheduledscans', 'scantypes'], verbs: WATCH },
        { apiGroups: [group], resources: ['scans'], verbs: [...WATCH, 'create', 'delete'] },
        {
          apiGroups: [group],
          resources: ['scheduledscans/status', 'scans/status'],
          verbs: ['get', 'update', 'patch'],
        },
        { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create'] },
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: NAME },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: NAME },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace }],
    },
  ];
}

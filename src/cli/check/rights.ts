import { GROUP } from '../../api/index.ts';
import { SCHEDULED_SCANS } from '../../object/index.ts';
import type { Controller } from './controller.ts';

/** A right, as RBAC grants it. */
export interface Right {
  readonly group: string;
  /** With its subresource: `scheduledscans/status`. */
  readonly resource: string;
  readonly verb: string;
}

const SCANS_GROUP = SCHEDULED_SCANS.group;

function rights(group: string, resource: string, verbs: string): readonly Right[] {
  return verbs.split(' ').map((verb) => ({ group, resource, verb }));
}

/** What is needed to uninstall by hand. Most users lack it, and need it never. */
export const UNBIND = 'unbind scans';

/** What each command, and a user who writes bindings, needs in a namespace. */
export const USER_RIGHTS: readonly (readonly [string, readonly Right[]])[] = [
  ['audit', rights(GROUP, 'imagecredentialbindings', 'get list')],
  [
    'explain',
    [
      ...rights('', 'secrets', 'get list'),
      ...rights(GROUP, 'imagecredentialbindings', 'list'),
      ...rights(SCANS_GROUP, 'scheduledscans', 'list'),
    ],
  ],
  ['write bindings', rights(GROUP, 'imagecredentialbindings', 'create update patch delete')],
  [
    UNBIND,
    [
      ...rights(SCANS_GROUP, 'scheduledscans', 'get list update'),
      ...rights(SCANS_GROUP, 'scans', 'get list update'),
      ...rights('', 'secrets', 'list delete'),
    ],
  ],
];

/** What installing the chart creates in the whole cluster. */
export const INSTALL_RIGHTS: readonly Right[] = [
  ...rights('apiextensions.k8s.io', 'customresourcedefinitions', 'create'),
  ...rights('rbac.authorization.k8s.io', 'clusterroles', 'create'),
  ...rights('rbac.authorization.k8s.io', 'clusterrolebindings', 'create'),
  ...rights('admissionregistration.k8s.io', 'validatingadmissionpolicies', 'create'),
  ...rights('admissionregistration.k8s.io', 'validatingadmissionpolicybindings', 'create'),
  ...rights('admissionregistration.k8s.io', 'mutatingwebhookconfigurations', 'create'),
];

/**
 * What the ServiceAccount of a controller needs where it watches: the rules of the chart.
 * test/cluster/chart/rbac.test.ts compares them with what a controller uses.
 */
export function controllerRights({
  discovery,
  marksPods,
  namespaces,
  admission,
  writesSecrets,
}: Pick<
  Controller,
  'discovery' | 'marksPods' | 'namespaces' | 'admission' | 'writesSecrets'
>): readonly Right[] {
  const discovers = discovery !== 'off';
  return [
    ...rights(GROUP, 'imagecredentialbindings', 'list watch'),
    ...rights(GROUP, 'imagecredentialbindings/status', 'patch'),
    ...rights(SCANS_GROUP, 'scheduledscans', 'get list watch update'),
    ...rights(SCANS_GROUP, 'scheduledscans/status', 'patch'),
    ...rights(SCANS_GROUP, 'scans', admission ? 'list watch get update' : 'list watch'),
    ...rights('', 'secrets', 'get list watch'),
    ...(writesSecrets ? rights('', 'secrets', 'create update patch delete') : []),
    ...rights('events.k8s.io', 'events', 'create'),
    ...(discovers ? rights(GROUP, 'imagecredentialbindings', 'create patch delete') : []),
    ...(discovers ? rights('', 'pods', marksPods ? 'list watch patch' : 'list watch') : []),
    ...(discovery === 'enabled-per-namespace' && namespaces === 'all'
      ? rights('', 'namespaces', 'list watch')
      : []),
  ];
}

/** `list secrets`, `patch scheduledscans/status`. */
export function rightName({ verb, resource }: Right): string {
  return `${verb} ${resource}`;
}

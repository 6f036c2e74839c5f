import type { KubeClient } from '../../kube/index.ts';
import type { KubeObject } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import type { CommandScope } from '../cluster/index.ts';
import type { Controller } from './controller.ts';
import { type Item, missing, ok, type Seen, seen, someOf, warning } from './item.ts';
import { REVIEWS, SELF_REVIEWS } from './resources.ts';
import { controllerRights, INSTALL_RIGHTS, type Right, rightName, UNBIND, USER_RIGHTS } from './rights.ts';

/** Limit on the namespaces in which rights are reviewed, because each takes about 20 requests. */
const MAX_NAMESPACES = 10;
/** A namespace of a review. Empty: all namespaces. */
const EVERYWHERE = '';

/** What the current user may do in the namespaces. */
export async function userItems(client: KubeClient, scope: CommandScope): Promise<readonly Item[]> {
  const { names, left } = reviewed(scope.kind === 'All' ? [EVERYWHERE] : scope.names);
  const lacking = await Promise.all(
    USER_RIGHTS.map(async ([what, rights]) => [what, await lackedBySelf(client, names, rights)] as const),
  );
  const able = lacking.filter(([, lacks]) => lacks.length === 0).map(([what]) => what);
  const unable = lacking.filter(([what, lacks]) => lacks.length > 0 && what !== UNBIND);
  return [
    ...(able.length === 0 ? [] : [ok('your rights', `you may ${able.join(', ')} ${placesOf(names)}${left}`)]),
    ...unable.map(([what, lacks]) =>
      warning(
        'your rights',
        `you may not ${what}: you lack ${someOf(lacks)}`,
        'if you need to, ask an administrator for these rights',
      ),
    ),
  ];
}

/** Whether the current user may create what the chart creates in the whole cluster. */
export async function installItem(client: KubeClient): Promise<Item> {
  const lacks = await lackedBySelf(client, [EVERYWHERE], INSTALL_RIGHTS);
  return lacks.length === 0
    ? ok('your rights', 'you may create the cluster-scoped objects of the chart')
    : warning(
        'your rights',
        `you may not install the chart: you lack ${someOf(lacks)}`,
        'ask an administrator to install it, or see the page "Some namespaces only" of the documentation',
      );
}

/**
 * Whether the ServiceAccount of a controller has the rights of the chart where the controller watches. Nothing if it watches none
 * of the namespaces.
 */
export async function controllerRightsItems(
  client: KubeClient,
  controller: Controller,
  scope: CommandScope,
): Promise<readonly Item[]> {
  const { namespace, serviceAccount } = controller.deployment;
  const account = `ServiceAccount ${namespace}/${serviceAccount}`;
  const { names, left } = reviewed(watchedIn(controller, scope));
  if (names.length === 0) return [];
  const user = { namespace, name: serviceAccount };
  const lacks = await seen(lackedBy(client, user, { names, rights: controllerRights(controller) }));
  return [accountItem(account, lacks, `${placesOf(names)}${left}`)];
}

function accountItem(account: string, lacks: Seen<readonly string[]>, places: string): Item {
  if (lacks.result !== 'Seen') {
    return warning(
      'controller rights',
      `you may not review the rights of the ${account}`,
      'ask an administrator, who may create subjectaccessreviews',
    );
  }
  if (lacks.value.length > 0) {
    return missing(
      'controller rights',
      `the ${account} lacks ${someOf(lacks.value)}`,
      'upgrade the chart, or add the rights that docs/reference/rbac.md lists',
    );
  }
  return ok('controller rights', `the ${account} has the rights of the chart ${places}`);
}

function watchedIn({ namespaces }: Controller, scope: CommandScope): readonly string[] {
  if (namespaces === 'all') return [EVERYWHERE];
  return scope.kind === 'All' ? namespaces : namespaces.filter((name) => scope.names.includes(name));
}

function reviewed(all: readonly string[]): { readonly names: readonly string[]; readonly left: string } {
  const more = all.length - MAX_NAMESPACES;
  return { names: all.slice(0, MAX_NAMESPACES), left: more > 0 ? ` (${more} more not reviewed)` : '' };
}

function placesOf(names: readonly string[]): string {
  return names.includes(EVERYWHERE) ? 'in all namespaces' : `in ${names.map(quoted).join(', ')}`;
}

async function lackedBySelf(
  client: KubeClient,
  names: readonly string[],
  rights: readonly Right[],
): Promise<readonly string[]> {
  return lacked(names, rights, (resourceAttributes) =>
    client.create(SELF_REVIEWS, review('SelfSubjectAccessReview', { resourceAttributes })),
  );
}

async function lackedBy(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { names, rights }: { readonly names: readonly string[]; readonly rights: readonly Right[] },
): Promise<readonly string[]> {
  // https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
  const user = `system:serviceaccount:${namespace}:${name}`;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return lacked(names, rights, (resourceAttributes) =>
    client.create(REVIEWS, review('SubjectAccessReview', { user, groups, resourceAttributes })),
  );
}

/** The rights that a review refuses, each with its namespace. */
async function lacked(
  names: readonly string[],
  rights: readonly Right[],
  send: (attributes: object) => Promise<KubeObject>,
): Promise<readonly string[]> {
  const all = names.flatMap((namespace) => rights.map((right) => ({ namespace, right })));
  const refused = await Promise.all(
    all.map(async ({ namespace, right }) => {
      const [resource, subresource = ''] = right.resource.split('/');
      const { group, verb } = right;
      const answer = await send({ namespace, group, verb, resource, subresource });
      // https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
      const { status } = answer as KubeObject & { readonly status: { readonly allowed: boolean } };
      const place = names.length > 1 ? ` in ${quoted(namespace)}` : '';
      return status.allowed ? undefined : `${rightName(right)}${place}`;
    }),
  );
  return refused.filter((each) => each !== undefined);
}

/** A review has no name. */
function review(kind: string, spec: object): KubeObject & { readonly spec: object } {
  return { apiVersion: 'authorization.k8s.io/v1', kind, metadata: { name: '' }, spec };
}

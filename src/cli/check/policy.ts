import { GROUP, imageCredentialBindings } from '../../api/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { KubeObject } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import { type CommandScope, listAll } from '../cluster/index.ts';
import { type Item, missing, ok, type Seen, seen, someOf, warning } from './item.ts';
import { POLICIES, POLICY_BINDINGS } from './resources.ts';

const NAMESPACE_LABEL = 'kubernetes.io/metadata.name';
const RISK = 'users who may write bindings act with the rights of the controller';
const ENABLE = 'enable it with the value policy.enabled of the chart, unless another policy does the same';

/** The binding of a policy for our bindings. */
interface PolicyBinding {
  readonly policy: string;
  readonly denies: boolean;
  /** The namespaces in which it is in force; `unknown`: it selects them by other labels. */
  readonly namespaces: 'all' | 'unknown' | readonly string[];
}

/** The admission policies for our bindings, with what binds them. */
interface Policies {
  readonly names: readonly string[];
  readonly bindings: readonly PolicyBinding[];
}

/** Whether an admission policy keeps the writers of bindings to their own rights. */
export async function policyItem(client: KubeClient, scope: CommandScope): Promise<Item> {
  return policyStateItem(await seen(readPolicies(client)), scope);
}

async function readPolicies(client: KubeClient): Promise<Policies> {
  const all = { scope: { kind: 'All' } } as const;
  const names = await listAll(client, POLICIES, all, nameIfOurs);
  const bindings = await listAll(client, POLICY_BINDINGS, all, bindingOf);
  return { names, bindings: bindings.filter(({ policy }) => names.includes(policy)) };
}

/** What the state of the policies means for these namespaces. */
export function policyStateItem(policies: Seen<Policies>, scope: CommandScope): Item {
  if (policies.result === 'Hidden')
    return warning('policy', 'you may not list ValidatingAdmissionPolicies', 'ask an administrator');
  if (policies.result === 'Absent')
    return warning(
      'policy',
      `this API server has no ValidatingAdmissionPolicies, so ${RISK}`,
      'use Kubernetes 1.30',
    );
  const { names, bindings } = policies.value;
  if (names.length === 0) {
    return warning(
      'policy',
      `no ValidatingAdmissionPolicy applies to ImageCredentialBindings, so ${RISK}`,
      ENABLE,
    );
  }
  const inForce = bindings.filter(({ denies }) => denies);
  const shown = names.map(quoted).join(', ');
  if (inForce.length === 0) {
    return missing(
      'policy',
      `no ValidatingAdmissionPolicyBinding with the action Deny puts ${shown} in force, so ${RISK}`,
      'upgrade or install the chart again',
    );
  }
  const open =
    scope.kind === 'All' ? [] : scope.names.filter((name) => !inForce.some((each) => covers(each, name)));
  if (open.length > 0)
    return warning(
      'policy',
      `${shown} is not in force in ${someOf(open.map(quoted))}, so ${RISK} there`,
      ENABLE,
    );
  return ok('policy', `${shown} is in force${onlyIn(inForce, scope)}`);
}

/** For all namespaces: the namespaces in which the policies are in force, if it is not all of them. */
function onlyIn(bindings: readonly PolicyBinding[], scope: CommandScope): string {
  const named = bindings.map(({ namespaces }) => namespaces);
  if (scope.kind !== 'All' || named.includes('all')) return '';
  if (named.includes('unknown')) return ' in the namespaces that it selects';
  return ` only in ${someOf([...new Set(named.flat())].map(quoted))}`;
}

function covers({ namespaces }: PolicyBinding, namespace: string): boolean {
  return namespaces === 'all' || namespaces === 'unknown' || namespaces.includes(namespace);
}

function nameIfOurs(object: KubeObject): string | undefined {
  // The API server has checked the shape.
  const { metadata, spec } = object as KubeObject & {
    readonly spec: {
      readonly matchConstraints?: {
        readonly resourceRules?: readonly {
          readonly apiGroups?: readonly string[];
          readonly resources?: readonly string[];
        }[];
      };
    };
  };
  const rules = spec.matchConstraints?.resourceRules ?? [];
  const isOurs = rules.some(
    ({ apiGroups = [], resources = [] }) =>
      apiGroups.includes(GROUP) && resources.includes(imageCredentialBindings.plural),
  );
  return isOurs ? metadata.name : undefined;
}

function bindingOf(object: KubeObject): PolicyBinding {
  // The API server has checked the shape.
  const { spec } = object as KubeObject & {
    readonly spec: {
      readonly policyName?: string;
      readonly validationActions?: readonly string[];
      readonly matchResources?: { readonly namespaceSelector?: Selector };
    };
  };
  return {
    policy: spec.policyName ?? '',
    denies: spec.validationActions?.includes('Deny') ?? false,
    namespaces: selectedNamespaces(spec.matchResources?.namespaceSelector),
  };
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Understands the selector that the chart writes. */
function selectedNamespaces({
  matchLabels,
  matchExpressions = [],
}: Selector = {}): PolicyBinding['namespaces'] {
  const [first, ...others] = matchExpressions;
  if (matchLabels !== undefined || others.length > 0) return 'unknown';
  if (first === undefined) return 'all';
  return first.key === NAMESPACE_LABEL && first.operator === 'In' ? (first.values ?? []) : 'unknown';
}

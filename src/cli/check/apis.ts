import { imageCredentialBindingSchema, imageCredentialBindings } from '../../api/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import { type KubeObject, SCANS, SCHEDULED_SCANS } from '../../object/index.ts';
import { type Item, missing, ok, type Seen, seen, seenValue, someOf, warning } from './item.ts';
import { CLUSTER_SCAN_TYPES, CRDS, SCAN_TYPES } from './resources.ts';
import { type SchemaDifference, schemaDifference } from './schema-difference.ts';

const { group, version, plural, kind } = imageCredentialBindings;
const NAME = `${plural}.${group}`;
const NEEDED = [SCHEDULED_SCANS, SCANS, SCAN_TYPES];
const UPGRADE =
  'upgrade the CRD: helm show crds <chart> | kubectl apply --server-side --force-conflicts --filename -';

/** Which of the APIs that we need the cluster serves. */
export interface Apis {
  readonly bindings: boolean;
  /** The plurals of secureCodeBox's resources. */
  readonly secureCodeBox: ReadonlySet<string>;
}

export async function readApis(client: KubeClient): Promise<Apis> {
  const [ours, theirs] = await Promise.all(
    [imageCredentialBindings, SCHEDULED_SCANS].map(
      async (resource) => new Set(seenValue(await seen(client.servedResources(resource)))),
    ),
  );
  return { bindings: ours?.has(plural) ?? false, secureCodeBox: theirs ?? new Set() };
}

/** Whether our CRD is installed, and whether it has the schema of this program. */
export async function checkCrd(client: KubeClient, { bindings }: Apis): Promise<Item> {
  if (!bindings) {
    return missing(
      'CRD',
      `the API server does not serve ${kind} ${version} (${NAME})`,
      'install the chart, which contains the CRD, or run helm show crds <chart> | kubectl apply --server-side --filename -',
    );
  }
  return crdItem(await seen(client.get(CRDS, { namespace: undefined, name: NAME })));
}

/** @param crd - the CRD, which the API server serves */
function crdItem(crd: Seen<KubeObject>): Item {
  if (crd.result !== 'Seen') {
    return ok(
      'CRD',
      `${kind} ${version} is served; its schema is not compared, because you may not get CRDs`,
    );
  }
  // The API server has checked the shape.
  const { spec } = crd.value as KubeObject & {
    readonly spec: {
      readonly versions: readonly {
        readonly name: string;
        readonly schema?: { readonly openAPIV3Schema?: unknown };
      }[];
    };
  };
  const installed = spec.versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema;
  return differenceItem(schemaDifference(imageCredentialBindingSchema, installed));
}

function differenceItem({ lacking, additional, changed }: SchemaDifference): Item {
  const found = `${kind} ${version} is served, but `;
  if (lacking.length > 0) {
    return warning('CRD', `${found}it is older than this command: it lacks ${someOf(lacking)}`, UPGRADE);
  }
  if (additional.length > 0) {
    return warning(
      'CRD',
      `${found}it is newer than this command, which does not know ${someOf(additional)}`,
      'use the version of the command that belongs to the CRD',
    );
  }
  if (changed.length > 0) {
    return warning(
      'CRD',
      `${found}its rules for ${someOf(changed)} differ from those of this command`,
      UPGRADE,
    );
  }
  return ok('CRD', `${kind} ${version} is served, with the schema of this command`);
}

/** Whether the CRDs of secureCodeBox are installed. */
export function secureCodeBoxItem({ secureCodeBox }: Apis): Item {
  const absent = NEEDED.filter((resource) => !secureCodeBox.has(resource.plural));
  const api = `${SCHEDULED_SCANS.group}/${SCHEDULED_SCANS.version}`;
  if (absent.length > 0) {
    return missing(
      'secureCodeBox',
      `the API server does not serve ${absent.map((each) => each.kind).join(', ')} of ${api}`,
      'install the operator: helm upgrade --install securecodebox-operator oci://ghcr.io/securecodebox/helm/operator ' +
        '--namespace securecodebox-system --create-namespace',
    );
  }
  const all = secureCodeBox.has(CLUSTER_SCAN_TYPES.plural) ? [...NEEDED, CLUSTER_SCAN_TYPES] : NEEDED;
  return ok('secureCodeBox', `${all.map((each) => each.kind).join(', ')} of ${api} are served`);
}

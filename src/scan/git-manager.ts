/** A program that applies objects from Git, and reverts what others change in them. */
export type GitManager = 'Argo CD' | 'Flux';

const ARGO_ANNOTATION = 'argocd.argoproj.io/tracking-id';
/** https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#server-side-apply */
const ARGO_FIELD_MANAGER = 'argocd-controller';
const FLUX_LABELS = ['kustomize.toolkit.fluxcd.io/name', 'helm.toolkit.fluxcd.io/name'];

/**
 * The program that applies an object from Git; undefined: none is known. Helm is not one: it changes nothing between two
 * upgrades.
 */
export function gitManagerOf({
  annotations = {},
  labels = {},
  managedFields = [],
}: {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly { readonly manager?: string }[];
}): GitManager | undefined {
  if (FLUX_LABELS.some((label) => label in labels)) return 'Flux';
  const isArgo =
    ARGO_ANNOTATION in annotations || managedFields.some(({ manager }) => manager === ARGO_FIELD_MANAGER);
  return isArgo ? 'Argo CD' : undefined;
}

import { type Resource, SCHEDULED_SCANS } from '../../object/index.ts';

/** Resources that only this command reads or creates. */
export const CRDS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
};
export const DEPLOYMENTS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
};
export const ENDPOINT_SLICES: Resource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
};
export const POLICIES = admission('validatingadmissionpolicies', 'ValidatingAdmissionPolicy');
export const POLICY_BINDINGS = admission(
  'validatingadmissionpolicybindings',
  'ValidatingAdmissionPolicyBinding',
);
export const SCAN_TYPES: Resource = { ...SCHEDULED_SCANS, plural: 'scantypes', kind: 'ScanType' };
export const CLUSTER_SCAN_TYPES: Resource = {
  ...SCHEDULED_SCANS,
  plural: 'clusterscantypes',
  kind: 'ClusterScanType',
};
export const SELF_REVIEWS = authorization('selfsubjectaccessreviews', 'SelfSubjectAccessReview');
export const REVIEWS = authorization('subjectaccessreviews', 'SubjectAccessReview');

function admission(plural: string, kind: string): Resource {
  return { group: 'admissionregistration.k8s.io', version: 'v1', plural, kind };
}

function authorization(plural: string, kind: string): Resource {
  return { group: 'authorization.k8s.io', version: 'v1', plural, kind };
}

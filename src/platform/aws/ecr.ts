/** The hosts of ECR Public: IPv4-only, and dual-stack. */
const PUBLIC: ReadonlySet<string> = new Set(['public.ecr.aws', 'ecr-public.aws.com']);
/**
 * The partitions of AWS: the domain of the API and of registries, the dual-stack domain of registries, and the prefix of
 * the regions. The last partition has all other regions, including those of GovCloud:
 * docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
 */
const PARTITIONS = [
  { api: 'amazonaws.com.cn', dualStack: 'on.amazonwebservices.com.cn', regions: 'cn-' },
  { api: 'amazonaws.eu', dualStack: 'on.amazonwebservices.eu', regions: 'eusc-' },
  { api: 'c2s.ic.gov', dualStack: 'on.aws.ic.gov', regions: 'us-iso-' },
  { api: 'sc2s.sgov.gov', dualStack: 'on.aws.scloud', regions: 'us-isob-' },
  { api: 'cloud.adc-e.uk', dualStack: 'on.cloud-aws.adc-e.uk', regions: 'eu-isoe-' },
  { api: 'csp.hci.ic.gov', dualStack: 'on.aws.hci.ic.gov', regions: 'us-isof-' },
  { api: 'amazonaws.com', dualStack: 'on.aws', regions: '' },
] as const;
const DOMAINS = PARTITIONS.flatMap(({ api, dualStack }) => [api, dualStack]).map(RegExp.escape);
/** Includes all hosts that the ECR credential helper, the kubelet's ecr-credential-provider and Flux recognize, and FIPS. */
const ECR = new RegExp(
  `^[\\w-]+\\.dkr[.-]ecr(?<fips>-fips)?\\.(?<region>[\\w-]+)\\.(?<domain>${DOMAINS.join('|')})$`,
);
/** The hosts for which Trivy requests a login from ECR itself: pkg/fanal/image/registry/ecr in Trivy 0.74.0. */
const TRIVY_KNOWS =
  /^[^.]+\.dkr[.-]ecr(?:-fips)?\.[^.]+\.(?:amazonaws\.com(?:\.cn)?|sc2s\.sgov\.gov|c2s\.ic\.gov|on\.aws)$/;

/** Whether a registry host belongs to ECR, private or public. */
export function isEcr(host: string): boolean {
  const name = host.toLowerCase();
  return PUBLIC.has(name) || ECR.test(name);
}

/** Whether Trivy requests a login for this host from ECR itself. */
export function trivyKnows(host: string): boolean {
  return TRIVY_KNOWS.test(host);
}

/**
 * Whether Trivy gets a login for this host from ECR itself, with AWS keys. It takes the region from the host in its letter
 * case, and AWS has no region with a capital letter.
 */
export function trivyCanLogIn(host: string): boolean {
  return trivyKnows(host) && host === host.toLowerCase();
}

/** The API endpoint at which ECR issues logins for a registry. */
export interface Endpoint {
  readonly host: string;
  readonly region: string;
  readonly service: 'ecr' | 'ecr-public';
  readonly target: string;
}

/** The API of ECR Public, which is in one region only: docs.aws.amazon.com/general/latest/gr/ecr-public.html. */
const ECR_PUBLIC: Endpoint = {
  host: 'api.ecr-public.us-east-1.amazonaws.com',
  region: 'us-east-1',
  service: 'ecr-public',
  target: 'SpencerFrontendService.GetAuthorizationToken',
};
const PORT = /:\d+$/;
const ECR_TARGET = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken';

/**
 * The API that issues logins for a registry host: docs.aws.amazon.com/general/latest/gr/ecr.html.
 *
 * @param region - the region of a registry with a custom host name
 * @returns `undefined` for a custom host name without a region
 */
export function endpointOf(host: string, region: string | undefined): Endpoint | undefined {
  const name = host.toLowerCase().replace(PORT, '');
  if (PUBLIC.has(name)) return ECR_PUBLIC;
  const parts = ECR.exec(name)?.groups;
  const effective = parts?.['region'] ?? region;
  if (effective === undefined) return undefined;
  const service = parts?.['fips'] === undefined ? 'api.ecr' : 'ecr-fips';
  const api = `${service}.${effective}.${apiDomain(effective, parts?.['domain'])}`;
  return { host: api, region: effective, service: 'ecr', target: ECR_TARGET };
}

/**
 * The domain of the API in a registry's partition. `domain`, the registry's domain, determines the partition. If `domain` is
 * undefined, because the registry has a custom host name, the region determines the partition.
 */
function apiDomain(region: string, domain: string | undefined): string {
  const partition = PARTITIONS.find(({ api, dualStack, regions }) =>
    domain === undefined ? region.startsWith(regions) : domain === api || domain === dualStack,
  );
  return partition?.api ?? 'amazonaws.com';
}

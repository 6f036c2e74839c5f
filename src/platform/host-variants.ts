/** The hosts of a service that has several, for example one for each region. */
interface Service {
  readonly name: string;
  /** The groups say by what its hosts differ. The names of the groups are in {@link PARTS}. */
  readonly hosts: readonly RegExp[];
}

/** What a group of a pattern in {@link SERVICES} is called in a message, in the order of the message. */
const PARTS: Readonly<Record<string, string>> = {
  account: 'account',
  registry: 'registry',
  region: 'region',
  network: 'network (public, internal or VPC)',
  endpoint: 'kind of endpoint',
  cloud: 'national cloud',
};

// Hosts in lower case. A pattern serves messages only: which host belongs to a platform is defined in its folder.
const SERVICES: readonly Service[] = [
  {
    // docs.aws.amazon.com/general/latest/gr/ecr.html
    name: 'Amazon ECR',
    hosts: [
      /^(?<account>[\w-]+)\.(?<endpoint>dkr[.-]ecr(?:-fips)?)\.(?<region>[\w-]+)\.(?:amazonaws\.|on\.a)/,
    ],
  },
  {
    // cloud.google.com/artifact-registry/docs/transition/setup-gcr-repo
    name: 'Artifact Registry',
    hosts: [
      /^(?<region>[\w-]+)-(?<endpoint>docker)\.pkg\.dev$/,
      /^docker\.(?<region>[\w-]+)\.(?<endpoint>rep)\.pkg\.dev$/,
      /^(?:(?<region>us|eu|asia)\.)?(?<endpoint>gcr)\.io$/,
    ],
  },
  {
    // learn.microsoft.com/azure/container-registry/container-registry-dedicated-data-endpoints
    name: 'Azure Container Registry',
    hosts: [
      /^(?<registry>[\w-]+)\.azurecr\.(?<cloud>io|cn|us|de)$/,
      /^(?<registry>[\w-]+)\.(?<endpoint>[\w-]+\.data)\.azurecr\.(?<cloud>io|cn|us|de)$/,
    ],
  },
  {
    // alibabacloud.com/help/en/acr/user-guide
    name: 'Alibaba Cloud Container Registry',
    hosts: [
      /^(?:(?<registry>[\w-]+)-)?registry(?:-(?<network>vpc|internal))?\.(?<region>[\w-]+)\.(?:cr\.)?aliyuncs\.com$/,
      /^(?<endpoint>registry-intl)(?:-(?<network>vpc|internal))?\.(?<region>[\w-]+)\.aliyuncs\.com$/,
    ],
  },
  {
    // www.tencentcloud.com/document/product/1051
    name: 'Tencent Container Registry',
    hosts: [
      /^(?<region>[a-z]*)ccr\.ccs\.tencentyun\.com$/,
      /^(?<registry>[\w-]+?)(?:-(?<network>vpc))?\.tencentcloudcr\.com$/,
    ],
  },
  {
    // cloud.ibm.com/docs/Registry?topic=Registry-registry_overview#registry_regions
    name: 'IBM Cloud Container Registry',
    hosts: [/^(?:(?<network>private)\.)?(?:(?<region>[a-z0-9]+)\.)?icr\.io$/],
  },
  {
    // docs.oracle.com/iaas/Content/Registry/Concepts/registryprerequisites.htm
    name: 'Oracle Cloud Infrastructure Registry',
    hosts: [
      /^(?<region>[\w-]+)\.(?<endpoint>ocir)\.io$/,
      /^ocir\.(?<region>[\w-]+)\.oci\.(?<endpoint>oraclecloud)\.com$/,
    ],
  },
  {
    name: 'Huawei Cloud SWR',
    hosts: [/^swr\.(?<region>[\w-]+)\.myhuaweicloud\.com$/],
  },
  {
    name: 'Scaleway Container Registry',
    hosts: [/^rg\.(?<region>[\w-]+)\.scw\.cloud$/],
  },
];

/**
 * Describes how another host of the same service differs from the host of an image, for a message about its entry.
 *
 * @param wanted - the host of the image in lower case, without port
 * @returns takes the other host in the same form. Returns a clause whose subject, "it", is the other host; undefined: it is no
 *   host of the same service
 */
export function variantsOf(wanted: string): (named: string) => string | undefined {
  const services = SERVICES.flatMap((service) => {
    const parts = partsOf(wanted, service);
    return parts === undefined ? [] : [{ service, parts }];
  });
  return (named) => {
    for (const { service, parts } of services) {
      const found = partsOf(named, service);
      if (found !== undefined)
        return `it is for another ${differing(found, parts)} of ${service.name} than the image`;
    }
    return undefined;
  };
}

type Parts = Readonly<Record<string, string>>;

function differing(named: Parts, wanted: Parts): string {
  const parts = Object.keys(PARTS).filter((part) => named[part] !== wanted[part]);
  return parts.length === 0 ? 'host' : parts.map((part) => PARTS[part]).join(' and ');
}

function partsOf(host: string, { hosts }: Service): Parts | undefined {
  const match = hosts.map((pattern) => pattern.exec(host)).find((found) => found !== null);
  return match && { ...match.groups };
}

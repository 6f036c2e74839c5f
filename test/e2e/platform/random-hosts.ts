import fc from 'fast-check';

const LABELS = [
  'acme',
  'my-reg',
  'a_b',
  '123456789012',
  'eu',
  'mirror',
  'docker',
  'registry',
  'x',
  'dkr',
  'ecr',
];
const REGIONS = [
  'eu-central-1',
  'us-gov-west-1',
  'cn-north-1',
  'us-isob-east-1',
  'us_east',
  'eusc-de-east-1',
];
const ECR_DOMAINS = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'amazonaws.eu',
  'amazonaws.us',
  'sc2s.sgov.gov',
  'c2s.ic.gov',
  'cloud.adc-e.uk',
  'csp.hci.ic.gov',
  'on.aws',
  'on.aws.ic.gov',
  'on.aws.scloud',
  'on.cloud-aws.adc-e.uk',
  'on.aws.hci.ic.gov',
  'on.amazonwebservices.com.cn',
  'on.amazonwebservices.eu',
];

const label = fc.constantFrom(...LABELS);
const labels = fc.array(label, { maxLength: 2 }).map((parts) => parts.map((part) => `${part}.`).join(''));
const region = fc.constantFrom(...REGIONS);

const ecr = fc
  .tuple(
    label,
    fc.constantFrom('.dkr.ecr', '.dkr-ecr', '.dkr.ecr-fips', '.dkr-ecr-fips', '.ecr', '.dkr_ecr'),
    region,
    fc.constantFrom(...ECR_DOMAINS),
  )
  .map(([account, service, where, domain]) => `${account}${service}.${where}.${domain}`);
const azure = fc
  .tuple(labels, label, fc.constantFrom('azurecr.io', 'azurecr.cn', 'azurecr.us', 'azurecr.de', 'azurecr.eu'))
  .map(([front, registry, domain]) => `${front}${registry}.${domain}`);
const google = fc.oneof(
  fc.tuple(labels, fc.constantFrom('gcr.io', 'mirror.gcr.io', 'us.gcr.io')).map((parts) => parts.join('')),
  fc.tuple(labels, region).map(([front, where]) => `${front}${where}-docker.pkg.dev`),
  region.map((where) => `docker.${where}.rep.pkg.dev`),
);
const others = fc.constantFrom(
  'docker.io',
  'registry-1.docker.io',
  'public.ecr.aws',
  'ecr-public.aws.com',
  'ghcr.io',
  'localhost',
  'azurecr.io',
  'docker.pkg.dev',
  'rep.pkg.dev',
);

type Change = (host: string, at: number) => string;

const index = (host: string, at: number) => at % (host.length + 1);
const CHANGES: readonly Change[] = [
  (host) => host.toUpperCase(),
  (host, at) => host.slice(0, index(host, at)) + host.slice(index(host, at)).toUpperCase(),
  (host, at) => host.slice(0, index(host, at)).toUpperCase() + host.slice(index(host, at)),
  (host, at) =>
    host.slice(0, index(host, at)) +
    host.charAt(index(host, at)).toUpperCase() +
    host.slice(index(host, at) + 1),
  (host) => host.replace(/^[a-z]/, (letter) => letter.toUpperCase()),
  (host) => `${host}:443`,
  (host) => `${host}:5000`,
  (host) => `${host}.evil.example`,
  (host) => `${host}.cn`,
  (host) => `evil-${host}`,
  (host) => `evil.${host}`,
  (host) => `evil${host}`,
  (host, at) => host.slice(0, index(host, at)) + host.slice(index(host, at) + 1),
  (host, at) => `${host.slice(0, index(host, at))}.${host.slice(index(host, at))}`,
  (host, at) => `${host.slice(0, index(host, at))}x${host.slice(index(host, at))}`,
  (host, at) => `${host.slice(0, index(host, at))}_${host.slice(index(host, at))}`,
  (host, at) => `${host.slice(0, index(host, at))}-${host.slice(index(host, at))}`,
];

const change = fc.tuple(fc.constantFrom(...CHANGES), fc.nat(300));

/** A host near the names of the clouds' registries. The same seed produces the same hosts. */
export const hosts: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: ecr },
      { weight: 3, arbitrary: azure },
      { weight: 3, arbitrary: google },
      { weight: 1, arbitrary: others },
    ),
    fc.array(change, { maxLength: 2 }),
  )
  .map(([host, changes]) => changes.reduce((text, [apply, at]) => apply(text, at), host));

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mayOpen, PLATFORMS, type PlatformName, platformOf } from '../../../src/platform/platforms.ts';

const HOSTS: Readonly<Record<PlatformName, readonly string[]>> = {
  AWS: [
    '123456789012.dkr.ecr.eu-central-1.amazonaws.com',
    '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
    '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
    '123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu',
    '123456789012.dkr-ecr.eu-central-1.on.aws',
    '123456789012.dkr-ecr-fips.us-east-1.on.aws',
    '123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn',
    '123456789012.dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu',
    '123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov',
    '123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov',
    '123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk',
    '123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov',
    // Dual-stack in the isolated regions.
    '123456789012.dkr-ecr.us-iso-east-1.on.aws.ic.gov',
    '123456789012.dkr-ecr.us-isob-east-1.on.aws.scloud',
    '123456789012.dkr-ecr.eu-isoe-west-1.on.cloud-aws.adc-e.uk',
    '123456789012.dkr-ecr.us-isof-south-1.on.aws.hci.ic.gov',
    'public.ecr.aws',
    'ecr-public.aws.com',
    '123456789012.dkr.ecr.EU-Central-1.amazonaws.com',
    '123456789012.DKR.ECR.eu-central-1.AmazonAWS.com',
    'my_account.dkr.ecr.eu_central.amazonaws.com',
    'Public.ECR.aws',
  ],
  Google: [
    'gcr.io',
    'eu.gcr.io',
    'mirror.gcr.io',
    'europe-docker.pkg.dev',
    'europe-west3-docker.pkg.dev',
    'docker.europe-west3.rep.pkg.dev',
    'GCR.io',
    'EU.gcr.io',
    'my_mirror.gcr.io',
    'Europe-docker.pkg.dev',
    'Docker.Europe-West3.rep.pkg.dev',
  ],
  Azure: [
    'acme.azurecr.io',
    'acme.azurecr.cn',
    'acme.azurecr.us',
    'acme.azurecr.de',
    'acme.westeurope.data.azurecr.io',
    'MyRegistry.azurecr.io',
    'MYREGISTRY.AZURECR.US',
    'my_registry.azurecr.io',
  ],
  Generic: [
    'docker.io',
    'quay.io',
    'ghcr.io',
    'reg.example:5000',
    '[::1]:5000',
    // Look-alikes, and real names with a port. The tools of the clouds accept neither.
    'evil-azurecr.io',
    'azurecr.io',
    'acme.azurecr.io.evil.com',
    'acme.azurecr.io:443',
    'gcr.io.evil.com',
    'evilgcr.io',
    'gcr.io:443',
    'europe-docker.pkg.dev.evil.com',
    'docker.pkg.dev',
    'docker.rep.pkg.dev',
    'docker.a.b.rep.pkg.dev',
    'public.ecr.aws.evil.com',
    'evil.public.ecr.aws',
    'evil.ecr-public.aws.com',
    '123456789012.dkr-ecr.us-iso-east-1.onxaws.ic.gov',
    'dkr.ecr.eu-central-1.amazonaws.com',
    '123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.com',
    '123456789012.dkr.ecr.evil.com.amazonaws.com',
    '123456789012.dkr.ecr.eu-central-1.amazonaws.org',
    '123456789012.dkr.ecr.eu-central-1xamazonaws.com',
    '123456789012.dkrxecr.eu-central-1.amazonaws.com',
    '123456789012.s3.eu-central-1.amazonaws.com',
  ],
};

describe('the platform of a host', () => {
  for (const [name, hosts] of Object.entries(HOSTS)) {
    for (const host of hosts) it(`of ${host} is ${name}`, () => assert.equal(platformOf(host).name, name));
  }
});

describe('a credential of a cloud', () => {
  for (const [cloud, hosts] of Object.entries(HOSTS).filter(([name]) => name !== 'Generic')) {
    it(`opens no host of ${cloud} unless it is a credential of ${cloud}, in any letter case and with any port`, () => {
      for (const host of hosts.flatMap((each) => [each, each.toUpperCase(), `${each}:443`])) {
        const opening = PLATFORMS.filter((platform) => mayOpen(platform, host)).map(({ name }) => name);
        assert.deepEqual(new Set(opening), new Set([cloud, 'Generic']), host);
      }
    });
  }
});

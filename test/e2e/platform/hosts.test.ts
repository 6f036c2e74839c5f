/** Compares our rules for hosts with those in Trivy's own packages. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { ImageReferenceError, parseImageReference } from '../../../src/image/reference.ts';
import { trivyKnows as ecrInTrivy } from '../../../src/platform/aws/ecr.ts';
import { trivyKnows as googleInTrivy } from '../../../src/platform/google/hosts.ts';
import { mayOpen, PLATFORMS, type PlatformName, platformOf } from '../../../src/platform/platforms.ts';
import { loginFiles } from '../../../src/platform/trivy-auth.ts';
import { seed } from '../../support/seed.ts';
import { askTrivy, type CloudAnswer } from './cloud-oracle.ts';
import { hosts } from './random-hosts.ts';

const HOSTS = 20_000;
const LOGIN = {
  kind: 'basic',
  username: new SecretValue('our-user'),
  password: new SecretValue('password'),
} as const;

/** The hosts that we count as a cloud's, and for which Trivy uses no credentials of that cloud. All other hosts are equal. */
const BEYOND_TRIVY: readonly {
  readonly platform: PlatformName;
  readonly hosts: RegExp;
  readonly reason: string;
}[] = [
  {
    platform: 'Azure',
    hosts: /\.azurecr\.(?:us|de)$/,
    reason: 'A service principal is exchanged or sent to them, and keys of other clouds must not be.',
  },
  {
    platform: 'Google',
    hosts: /^mirror\.gcr\.io$/,
    reason: 'It is public, and Google runs it, so credentials of other clouds must not be sent to it.',
  },
  {
    platform: 'Google',
    hosts: /^docker\.[a-z0-9-]+\.rep\.pkg\.dev$/,
    reason: 'It is the regional endpoint of Artifact Registry, which accepts the login of a key file.',
  },
  {
    platform: 'AWS',
    hosts: /^(?:public\.ecr\.aws|ecr-public\.aws\.com)$/,
    reason: 'It is ECR Public, which accepts a login that AWS keys are exchanged for.',
  },
  {
    platform: 'AWS',
    hosts: /\.dkr[.-]ecr(?:-fips)?\.[\w-]+\.(?:amazonaws\.eu|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/,
    reason: 'It is ECR in a partition of AWS that Trivy does not know.',
  },
  {
    platform: 'AWS',
    hosts:
      /\.dkr[.-]ecr(?:-fips)?\.[\w-]+\.on\.(?:amazonwebservices\.(?:com\.cn|eu)|aws\.ic\.gov|aws\.scloud|cloud-aws\.adc-e\.uk|aws\.hci\.ic\.gov)$/,
    reason:
      'It is the dual-stack endpoint of ECR in a partition for which Trivy knows only the other endpoint.',
  },
];
/** The same registry as a host in lower case, but Trivy compares letter case. */
const OTHER_CASE = 'letter case';

interface Compared {
  readonly host: string;
  readonly ours: PlatformName;
  readonly trivy: CloudAnswer;
}

describe(`the rules for hosts and those of Trivy, for ${HOSTS} random hosts`, () => {
  let compared: readonly Compared[] = [];
  let accepted: readonly Compared[] = [];
  const message = (host: string) => `ICB_TEST_SEED=${seed}: ${host}`;

  before(async () => {
    const sample = fc.sample(hosts.filter(isHost), { seed, numRuns: HOSTS });
    const answers = await askTrivy(
      sample.map((host) => ({ image: `${host}/team/app:1`, config: configFor(host) })),
    );
    compared = sample.flatMap((host, index) => {
      const trivy = answers[index];
      return trivy === undefined ? [] : [{ host, ours: platformOf(host).name, trivy }];
    });
    accepted = compared.filter(({ trivy }) => trivy.error === undefined);
  });

  it('count a host as that of a cloud wherever Trivy would use credentials of that cloud', (context) => {
    for (const { host, ours, trivy } of accepted.filter(isTrivys))
      assert.equal(ours, trivy.cloud, message(host));
    const counts = countBy(accepted, (each) =>
      isBeyondTrivy(each) ? `${each.ours} beyond Trivy` : each.ours,
    );
    const refused = { 'refused by Trivy': compared.length - accepted.length };
    context.diagnostic(
      `seed ${seed}: ${compared.length} hosts, none different; ${JSON.stringify({ ...counts, ...refused })}`,
    );
    for (const { name } of PLATFORMS)
      assert.ok((counts[name] ?? 0) > HOSTS / 100, `only ${counts[name]} hosts of ${name}`);
  });

  it('differ only where the table above gives a reason', (context) => {
    const beyond = accepted.filter(isBeyondTrivy);
    for (const each of beyond) assert.equal(reasonsOf(each).length, 1, message(each.host));
    const reached = countBy(beyond, (each) => reasonsOf(each).join());
    for (const reason of [OTHER_CASE, ...BEYOND_TRIVY.map((row) => row.reason)])
      assert.ok((reached[reason] ?? 0) > 5, `only ${reached[reason]} hosts reached: ${reason}`);
    context.diagnostic(JSON.stringify(reached));
  });

  it('agree exactly on the hosts for which Trivy gets keys of AWS or a key file of Google', () => {
    for (const { host, trivy } of accepted) {
      assert.equal(ecrInTrivy(host), trivy.cloud === 'AWS', message(host));
      assert.equal(googleInTrivy(host), trivy.cloud === 'Google', message(host));
    }
  });

  it('agree on the host under which Trivy looks up the delivered login, in its letter case', () => {
    for (const { host, trivy } of accepted) {
      assert.equal(trivy.username, 'our-user', message(host));
      assert.equal(trivy.host, host === 'docker.io' ? 'index.docker.io' : host, message(host));
    }
  });

  for (const platform of PLATFORMS.filter(({ name }) => name !== 'Generic')) {
    it(`let a credential of ${platform.name} open no host of another cloud, in any letter case and with any port`, () => {
      for (const { host, trivy } of accepted.filter(isTrivys)) {
        for (const written of [host, host.toUpperCase(), host.toLowerCase(), `${host}:443`])
          assert.equal(mayOpen(platform, written), platform.name === trivy.cloud, message(written));
      }
    });
  }
});

/** Whether Trivy would use credentials of a cloud. */
function isTrivys({ trivy }: Compared): boolean {
  return trivy.cloud !== '';
}

/** Whether we count the host as a cloud's, and Trivy does not. */
function isBeyondTrivy(each: Compared): boolean {
  return each.ours !== 'Generic' && !isTrivys(each);
}

function reasonsOf({ host, ours }: Compared): readonly string[] {
  const rows = BEYOND_TRIVY.filter((row) => row.platform === ours && row.hosts.test(host));
  if (rows.length > 0) return rows.map(({ reason }) => reason);
  return host === host.toLowerCase() ? [] : [OTHER_CASE];
}

function countBy<Item>(items: readonly Item[], of: (item: Item) => string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[of(item)] = (counts[of(item)] ?? 0) + 1;
  return counts;
}

/** Whether an image can have this host. */
function isHost(host: string): boolean {
  try {
    return parseImageReference(`${host}/team/app`).host === host;
  } catch (error) {
    assert.ok(error instanceof ImageReferenceError);
    return false;
  }
}

function configFor(host: string): string {
  return loginFiles(LOGIN, host)['config.json']?.reveal() ?? '';
}

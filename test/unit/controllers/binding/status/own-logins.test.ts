/** Logins that a user has given to Trivy in a ScheduledScan, and that a delivered credential overrides. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { conditionOf } from '../../../../../src/api/index.ts';
import { Namespace } from '../namespace.ts';

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';

interface Given {
  readonly env?: readonly object[];
  readonly volumeMounts?: readonly object[];
  readonly host?: string;
}

/** The condition ScansBound of a binding, before and after it has bound a scan with these entries. */
function bind({ env, volumeMounts, host = 'reg.example' }: Given) {
  const namespace = new Namespace();
  namespace.pullSecret('pull', { [host]: { auth: btoa('user:pass') } });
  namespace.binding('app', { spec: { image: `${host}/app` } });
  namespace.scan('mirror', { image: `${host}/app:1` });
  // The types name only what the controller reads.
  namespace.tamper('mirror', { ...(env && { env }), ...(volumeMounts && { volumeMounts }) } as object);
  const read = () => {
    const { status } = namespace.report('app');
    const { status: state, reason, message } = conditionOf(status, 'ScansBound') ?? {};
    return {
      condition: `${state} ${reason}`,
      message: message ?? '',
      reason: status.scans?.names?.[0]?.reason,
    };
  };
  const binding = read();
  namespace.settle('app');
  return { binding, bound: read() };
}

const secretKey = (name: string) => ({ valueFrom: { secretKeyRef: { name, key: 'username' } } });

describe('a login of a user for Trivy that a delivered credential overrides', () => {
  const cases: readonly (readonly [name: string, given: Given, says: string])[] = [
    [
      'DOCKER_CONFIG',
      { env: [{ name: 'DOCKER_CONFIG', value: '/creds' }] },
      'its DOCKER_CONFIG is overridden',
    ],
    [
      'DOCKER_AUTH_CONFIG',
      { env: [{ name: 'DOCKER_AUTH_CONFIG', ...secretKey('mirror-login') }] },
      'its DOCKER_AUTH_CONFIG is overridden',
    ],
    [
      'a mounted Docker config',
      { volumeMounts: [{ name: 'creds', mountPath: '/root/.docker' }] },
      'its Docker config at /root/.docker is overridden',
    ],
    [
      'a mounted Docker config file',
      { volumeMounts: [{ name: 'creds', mountPath: '/home/me/.docker/config.json', subPath: 'c' }] },
      'its Docker config at /home/me/.docker/config.json is overridden',
    ],
    [
      "Trivy's variables",
      {
        env: [
          { name: 'TRIVY_USERNAME', value: 'me' },
          { name: 'TRIVY_PASSWORD', ...secretKey('mirror-login') },
        ],
      },
      'its TRIVY_USERNAME, TRIVY_PASSWORD are overridden',
    ],
    [
      'a registry token',
      { env: [{ name: 'TRIVY_REGISTRY_TOKEN', ...secretKey('token') }] },
      'its TRIVY_REGISTRY_TOKEN is overridden',
    ],
    [
      'AWS keys, for an image on AWS',
      { env: [{ name: 'AWS_ACCESS_KEY_ID', value: 'AKIA' }], host: ECR },
      'its AWS_ACCESS_KEY_ID is overridden',
    ],
    [
      'a Google key file, for an image on Google',
      { env: [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', value: '/key.json' }], host: 'eu.gcr.io' },
      'its GOOGLE_APPLICATION_CREDENTIALS is overridden',
    ],
    [
      'an Azure tenant, for an image on Azure',
      { env: [{ name: 'AZURE_TENANT_ID', value: 'tenant' }], host: 'acme.azurecr.io' },
      'its AZURE_TENANT_ID is overridden',
    ],
  ];
  for (const [name, given, says] of cases)
    it(`is reported, with what fails and what to do: ${name}`, () => {
      const { binding, bound } = bind(given);
      for (const { condition, message, reason } of [binding, bound]) {
        assert.equal(condition, 'True Bound');
        assert.ok(
          message.includes(`1 scan bound; mirror (bound, but ${says}, so Trivy cannot use `),
          message,
        );
        assert.match(message, / its databases or a mirror; if only .*, remove .*spec\.scanSelector/);
        assert.ok(message.includes(reason ?? '?'));
      }
    });

  const unreported: readonly (readonly [name: string, given: Given])[] = [
    ['an empty value', { env: [{ name: 'DOCKER_CONFIG', value: '' }] }],
    [
      'a value that a later entry empties',
      { env: [{ name: 'DOCKER_CONFIG', value: '/c' }, { name: 'DOCKER_CONFIG' }] },
    ],
    [
      "autodiscovery's variables",
      {
        env: [
          { name: 'TRIVY_USERNAME', ...secretKey('temporary-secret-app') },
          { name: 'TRIVY_PASSWORD', ...secretKey('temporary-secret-app') },
        ],
      },
    ],
    ['AWS keys, for an image elsewhere', { env: [{ name: 'AWS_ACCESS_KEY_ID', value: 'AKIA' }] }],
    ['other variables', { env: [{ name: 'TRIVY_DB_REPOSITORY', value: 'reg.example/db' }] }],
    ['other mounts', { volumeMounts: [{ name: 'creds', mountPath: '/creds' }] }],
  ];
  for (const [name, given] of unreported)
    it(`is not reported if nothing is overridden: ${name}`, () => {
      for (const { message } of Object.values(bind(given))) assert.match(message, /^1 scan bound$/);
    });

  it('is reported with a credential in the parameters', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('app');
    namespace.scan('mirror', { parameters: ['--username', 'me', 'reg.example/app'] });
    namespace.tamper('mirror', { env: [{ name: 'DOCKER_CONFIG', value: '/creds' }] } as object);
    const { message = '' } = conditionOf(namespace.report('app').status, 'ScansBound') ?? {};
    assert.match(
      message,
      /bound, but its parameters contain a credential, .*; its DOCKER_CONFIG is overridden/,
    );
  });
});

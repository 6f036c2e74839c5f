import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import { type Binding, Cluster, SECRETS, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const REGISTRIES = 'credentials.securecodebox.io/registries';
/** Not a host name of ECR, so that the controller requests a login from a cloud. */
const AWS_HOST = 'aws.example';
const SIGNER = 'AKIAFAULTYSIGNATURE0';

/** Where an error is injected: a function, and the text that names the object for which it fails. */
interface Border {
  readonly name: string;
  readonly function_: string;
  readonly marker: string;
  /**
   * Creates the object, and returns the binding whose owner has to see a reason; undefined: no binding is affected.
   */
  readonly make: (namespace: TestNamespace, marker: string) => Promise<string | undefined>;
  /** The expected condition Ready of that binding. */
  readonly reason?: string;
}

/** A binding with its own name, and a scan that it would bind. */
async function bindingWithScan(namespace: TestNamespace, name: string): Promise<string> {
  await namespace.scan(`scan-of-${name}`, [`reg.example/${name}:1`]);
  await namespace.binding(name, { image: `reg.example/${name}` });
  return name;
}

async function awsKeys(
  namespace: TestNamespace,
  name: string,
  accessKeyId: string,
  host: string,
): Promise<void> {
  const data = Object.fromEntries(
    Object.entries({
      'access-key': accessKeyId,
      'secret-access-key': 'x'.repeat(40),
      region: 'eu-central-1',
    }).map(([key, text]) => [key, btoa(text)]),
  );
  await namespace.put(SECRETS, {
    metadata: { name, annotations: { [REGISTRIES]: host } },
    type: 'Opaque',
    data,
  });
  await namespace.scan(`scan-of-${name}`, [`${host}/app:1`]);
  await namespace.binding(name, { image: `${host}/app`, imagePullSecrets: [{ name }] });
}

const BORDERS: readonly Border[] = [
  {
    name: 'parsing a Secret',
    function_: 'secret/pull-secret.ts#readPullSecret',
    marker: 'faulty-parse',
    make: async (namespace, marker) => {
      await namespace.pullSecret(marker, AUTHS);
      await namespace.binding('parse', { image: 'reg.example/parse', imagePullSecrets: [{ name: marker }] });
      return 'parse';
    },
    reason: 'SecretUnreadable',
  },
  {
    name: 'projecting a binding',
    function_: 'binding/binding.ts#readBinding',
    marker: 'faulty-binding',
    make: bindingWithScan,
    reason: 'InternalError',
  },
  {
    name: 'projecting a ScheduledScan',
    function_: 'scan/scheduled-scan.ts#readScheduledScan',
    marker: 'faulty-scan',
    make: async (namespace, marker) => {
      await namespace.scan(marker, ['reg.example/projected:1'], {
        metadata: { annotations: { 'credentials.securecodebox.io/binding': 'projected' } },
      });
      await namespace.binding('projected', { image: 'reg.example/projected' });
      return 'projected';
    },
    reason: 'ScanUnreadable',
  },
  {
    name: 'finding the keys of a binding, for an index and for a trigger',
    function_: 'policy/precedence.ts#bindingKeys',
    marker: 'faulty-index',
    make: bindingWithScan,
    reason: 'InternalError',
  },
  {
    name: 'finding the scans of a binding, for a trigger',
    function_: 'state/stores.ts#scansFitting',
    marker: 'faulty-trigger',
    make: bindingWithScan,
    reason: 'InternalError',
  },
  {
    name: 'reading a schedule',
    function_: 'scan/schedule.ts#waitBeforeWrite',
    marker: '13 13 13 12 *',
    make: async (namespace, marker) => {
      for (const [name, schedule] of Object.entries({ good: '0 5 * * *', bad: marker }))
        await namespace.scan(name, ['reg.example/scheduled:1'], {
          spec: { suspend: false, interval: undefined, schedule },
        });
      await namespace.binding('scheduled', { image: 'reg.example/scheduled' });
      await namespace.bound('good');
      return 'scheduled';
    },
    reason: 'InternalError',
  },
  {
    name: 'signing a request to a cloud',
    function_: 'platform/aws/signature-v4.ts#signV4',
    marker: SIGNER,
    make: async (namespace) => {
      await awsKeys(namespace, 'signing', SIGNER, AWS_HOST);
      return 'signing';
    },
    reason: 'ExchangeFailed',
  },
  {
    name: 'asking a cloud for a login',
    function_: 'platform/access.ts#exchangeOf',
    marker: 'faulty-exchange.example',
    make: async (namespace, marker) => {
      await awsKeys(namespace, 'exchange', 'AKIAIOSFODNN7EXAMPLE', marker);
      return 'exchange';
    },
    reason: 'ExchangeFailed',
  },
  {
    name: 'resolving a binding',
    function_: 'policy/credential-choice.ts#choose',
    marker: 'faulty-resolve',
    make: async (namespace, marker) => {
      await namespace.pullSecret(marker, AUTHS);
      await namespace.binding('resolve', {
        image: 'reg.example/resolve',
        imagePullSecrets: [{ name: marker }],
      });
      return 'resolve';
    },
    reason: 'InternalError',
  },
  {
    name: 'deciding on a binding',
    function_: 'controllers/binding/decide.ts#decide',
    marker: 'faulty-decide',
    make: bindingWithScan,
    reason: 'InternalError',
  },
  {
    name: 'reporting on a binding',
    function_: 'controllers/binding/status/report.ts#report',
    marker: 'faulty-report',
    make: bindingWithScan,
    reason: 'InternalError',
  },
  {
    name: 'reading a Trivy Secret',
    function_: 'secret/trivy-secret.ts#readTrivySecret',
    marker: 'trivy-faulty-copy',
    make: async (namespace) => {
      await namespace.pullSecret('faulty-copy', AUTHS);
      await namespace.scan('scan-of-copy', ['reg.example/copy:1']);
      await namespace.binding('copy', {
        image: 'reg.example/copy',
        imagePullSecrets: [{ name: 'faulty-copy' }],
      });
      return 'copy';
    },
    reason: 'InternalError',
  },
  {
    name: 'deciding on a run',
    function_: 'controllers/run/decide.ts#decideRun',
    marker: 'faulty-run',
    make: async (namespace, marker) => {
      await namespace.scan(marker, ['reg.example/run:1']);
      await namespace.binding('run', { image: 'reg.example/run' });
      await namespace.bound(marker);
      return undefined;
    },
  },
];

describe('an error in the controller that concerns one object', () => {
  let cluster: Cluster;
  let controller: RunningController;

  before(async () => {
    cluster = await Cluster.start({ auditLog: false });
    const faults = BORDERS.map(({ function_, marker }) => `${function_}=${marker}`).join('\n');
    controller = await startFaulty(faults);
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  function startFaulty(faults: string): Promise<RunningController> {
    const preload = join(import.meta.dirname, '../../support/preload/containment.ts');
    return startController(cluster.controlPlane, [], { preload, fromSource: true, env: { FAULTS: faults } });
  }

  async function bindAndAwaitReady(namespace: TestNamespace, name: string): Promise<void> {
    await namespace.pullSecret(`pull-${name}`, AUTHS);
    await namespace.scan(name, [`reg.example/${name}:1`]);
    await namespace.binding(name, {
      image: `reg.example/${name}`,
      imagePullSecrets: [{ name: `pull-${name}` }],
    });
    await namespace.bound(name);
    await namespace.condition(name, 'Ready', 'True Ready');
  }

  for (const { name, marker, make, reason } of BORDERS) {
    it(`when ${name} is reported to the owner of the object, and affects no other object`, async () => {
      const namespace = await cluster.namespace();
      const other = await cluster.namespace();
      await namespace.pullSecret('pull', AUTHS);
      const concerned = await make(namespace, marker);
      if (concerned !== undefined && reason !== undefined) {
        await until(async () => {
          const binding = await namespace.get<Binding>(imageCredentialBindings, concerned);
          const ready = binding?.status?.conditions?.find(({ type }) => type === 'Ready');
          return ready?.status === 'False' && ready.reason === reason;
        }, `${concerned} to say ${reason}`);
      }
      await bindAndAwaitReady(namespace, 'neighbour');
      await bindAndAwaitReady(other, 'tenant');
      assert.equal((await fetch(`${controller.url}/healthz`)).status, 200);
    });
  }

  it('is logged without its message, which may quote the object', async () => {
    const log = await controller.log();
    assert.match(log, /"fault":\{"name":"TypeError"/);
    assert.doesNotMatch(log, /injected for/);
  });

  it('does not end the process', async () => {
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
  });
});

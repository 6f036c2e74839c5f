import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditEvent } from '../../../hack/testenv/control-plane/control-plane.ts';
import {
  CONTROLLER_USER,
  LEASE_ROLE,
  RELEASE,
  type RunningController,
  type StartOptions,
  startController,
} from '../../../hack/testenv/controller.ts';
import { LEASES } from '../../../src/kube/leader-election/lease.ts';
import type { KubeObject } from '../../../src/object/object.ts';
import { isFull } from '../../support/amount.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { Relay } from '../../support/cluster/relay.ts';
import { startFaultProxy } from '../../support/faults/index.ts';
import { until } from '../../support/until.ts';

const LEASE_SECONDS = 3;
/**
 * Time for processes to start, stop and be observed on a shared machine. The audit log proves that no write is late.
 */
const SLACK_MS = 5_000;
const SHORT = ['--lease-duration', `${LEASE_SECONDS}s`, '--renew-deadline', '2s', '--retry-period', '500ms'];
const FOLLOWING: StartOptions = { keepLease: true, until: 'following' };
const OTHER_CLOCK = join(import.meta.dirname, '../../support/preload/other-clock.ts');
const LATE_TIMERS = join(import.meta.dirname, '../../support/preload/late-timers.ts');
const CREDENTIAL = 'authentication.kubernetes.io/credential-id';
const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const TEN_MINUTES_MS = 600_000;
/** `npm run test:full` runs all cases. */
const ALL = isFull();
const SHIFTS = [TEN_MINUTES_MS, ...(ALL ? [-TEN_MINUTES_MS] : [])];
const FAILURES = ['silence', ...(ALL ? (['cut'] as const) : [])] as const;
const CUTS = ALL ? 40 : 15;
const LONGEST_BETWEEN_CUTS_MS = 400;

interface Lease extends KubeObject {
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

async function ready({ url }: RunningController): Promise<string> {
  const [first = ''] = (await (await fetch(`${url}/readyz`)).text()).split('\n');
  return first;
}

/** The state of each watch of a controller. */
async function states({ url }: RunningController): Promise<readonly string[]> {
  const text = await (await fetch(`${url}/readyz`)).text();
  return [...text.matchAll(/: (\w+), last response/g)].map(([, state = '']) => state);
}

async function untilItLeads(controller: RunningController, seconds?: number): Promise<number> {
  const begun = performance.now();
  await until(async () => (await ready(controller)) === 'ok, leading', 'the controller to lead', seconds);
  return performance.now() - begun;
}

async function endsWithFatalLine(controller: RunningController, reason: RegExp): Promise<void> {
  assert.deepEqual(await controller.process.exited, { code: 1, signal: null });
  const last = (await logOf(controller)).at(-1);
  assert.deepEqual({ level: last?.level, msg: last?.msg }, { level: 60, msg: 'leadership lost' });
  assert.match(last?.reason ?? '', reason);
}

describe('leader election of controllers on a real API server', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  const running = new Set<RunningController>();

  before(async () => {
    cluster = await Cluster.start({ lacksRights: true });
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app');
  });
  afterEach(async () => {
    await Promise.all([...running].map(({ process: child }) => kill(child.pid, child.exited)));
    running.clear();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function start(
    options: StartOptions = {},
    flags: readonly string[] = SHORT,
  ): Promise<RunningController> {
    const controller = await startController(cluster.controlPlane, flags, options);
    running.add(controller);
    return controller;
  }

  async function lease(): Promise<Lease | undefined> {
    const { items } = await cluster.client.list(LEASES, { namespace: RELEASE });
    return items[0] as Lease | undefined;
  }

  /**
   * Deletes the Role for the Lease, and waits until the API server has noticed. The Role is restored on disposal at the
   * latest.
   */
  async function withoutLeaseRole(): Promise<AsyncDisposable & { restore(): Promise<void> }> {
    const { stdout } = await kubectl('get', 'role', LEASE_ROLE, '-n', RELEASE, '-o', 'json');
    const { apiVersion, kind, metadata, rules } = JSON.parse(stdout);
    // Without uid and resource version, which would cause a conflict when the Role is applied again.
    const role = JSON.stringify({
      ...{ apiVersion, kind, rules },
      metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels },
    });
    const restore = async () =>
      void (await cluster.controlPlane.kubectl(['apply', '-f', '-'], { input: role }));
    await kubectl('delete', 'role', LEASE_ROLE, '-n', RELEASE);
    await until(async () => !(await mayUpdateLeases()), 'the API server to know that the Role is gone');
    return { restore, [Symbol.asyncDispose]: restore };
  }

  async function mayUpdateLeases(): Promise<boolean> {
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: CONTROLLER_USER,
        resourceAttributes: {
          ...{ group: 'coordination.k8s.io', resource: 'leases', verb: 'update' },
          ...{ namespace: RELEASE, name: RELEASE },
        },
      },
    };
    const { stdout } = await cluster.controlPlane.kubectl(
      ['create', '-f', '-', '-o', 'jsonpath={.status.allowed}'],
      { input: JSON.stringify(review) },
    );
    return stdout === 'true';
  }

  function kubectl(...arguments_: readonly string[]) {
    return cluster.controlPlane.kubectl(arguments_);
  }

  /** Recreates the Lease with this spec. */
  async function putLease(spec: object): Promise<void> {
    await cluster.controlPlane.kubectl(['delete', 'lease', RELEASE, '-n', RELEASE, '--ignore-not-found']);
    const object = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: RELEASE, namespace: RELEASE },
      spec,
    };
    await cluster.client.create(LEASES, object);
  }

  async function leaseSpec(): Promise<Lease['spec']> {
    const found = await lease();
    if (found === undefined) throw new Error('there is no Lease');
    return found.spec;
  }

  /** Changes the pull secret repeatedly, so that the leader writes all the time. */
  function workload(): AsyncDisposable {
    let stopped = false;
    const work = (async () => {
      while (!stopped) {
        await namespace.pullSecret('pull', { 'reg.example': { auth: btoa(`user:${Math.random()}`) } });
        await delay(20);
      }
    })();
    return {
      [Symbol.asyncDispose]: async () => {
        stopped = true;
        await work;
      },
    };
  }

  async function writesOf({ credentialId }: RunningController): Promise<readonly AuditEvent[]> {
    const writes = await cluster.writesOfController();
    return writes.filter(({ user }) => user.extra?.[CREDENTIAL]?.[0] === credentialId);
  }

  async function untilItWrites(controller: RunningController, seconds?: number): Promise<void> {
    const { length } = await writesOf(controller);
    await until(
      async () => (await writesOf(controller)).length > length + 2,
      'the controller to write',
      seconds,
    );
  }

  /** Asserts that both wrote, and that every write of the first came before every write of the second. */
  async function wroteOneAfterTheOther(first: RunningController, second: RunningController): Promise<void> {
    const [early, late] = [await writesOf(first), await writesOf(second)];
    assert.ok(early.length > 0 && late.length > 0, `${early.length} and ${late.length} writes`);
    const last =
      early
        .map(({ stageTimestamp }) => stageTimestamp)
        .sort()
        .at(-1) ?? '';
    const begin = late.map(({ requestReceivedTimestamp }) => requestReceivedTimestamp).sort()[0] ?? '';
    assert.ok(last < begin, `the first wrote until ${last}, the second from ${begin}`);
  }

  describe('through failures', () => {
    it('writes a Lease as client-go does, and releases it when it stops', async () => {
      const leader = await start();
      const spec = await leaseSpec();
      assert.match(spec.holderIdentity ?? '', /^[^_]+_[0-9a-f-]{36}$/);
      assert.equal(spec.leaseDurationSeconds, LEASE_SECONDS);
      assert.equal(spec.leaseTransitions, 0);
      assert.match(spec.acquireTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      const renewed = await until(async () => {
        const now = await lease();
        return now?.spec.renewTime !== spec.renewTime && now;
      }, 'the lease to be renewed');
      assert.equal(renewed.spec.acquireTime, spec.acquireTime);
      assert.deepEqual(await leader.process.stop(), { code: 0, signal: null });
      const left = await leaseSpec();
      assert.equal(left.holderIdentity, '');
      assert.equal(left.leaseDurationSeconds, 1);
      await start({ keepLease: true });
      assert.equal((await lease())?.spec.leaseTransitions, 1);
    });

    it('takes over within a second when the leader stops in an orderly way, after its last write', async (context) => {
      const first = await start();
      const second = await start(FOLLOWING);
      assert.match(
        await ready(second),
        new RegExp(`^ok, following ${(await lease())?.spec.holderIdentity}$`),
      );
      await using _work = workload();
      await untilItWrites(first);
      assert.deepEqual(await first.process.stop(), { code: 0, signal: null });
      const took = await untilItLeads(second);
      say(context, `takeover after the end of the leader: ${Math.round(took)} ms`);
      assert.ok(took < 1000, `took ${took} ms`);
      await untilItWrites(second);
      await wroteOneAfterTheOther(first, second);
    });

    it('takes over within the lease duration when the leader is killed', async (context) => {
      const first = await start();
      const second = await start(FOLLOWING);
      await using _work = workload();
      await untilItWrites(first);
      await kill(first.process.pid, first.process.exited);
      const took = await untilItLeads(second);
      say(context, `takeover after a kill, with a lease of ${LEASE_SECONDS} s: ${Math.round(took)} ms`);
      assert.ok(took > 1000 && took < LEASE_SECONDS * 1000 + SLACK_MS, `took ${took} ms`);
      await untilItWrites(second);
      await wroteOneAfterTheOther(first, second);
    });

    it('exits without a write if it was suspended for longer than the lease', async () => {
      const first = await start();
      const second = await start(FOLLOWING);
      await using _work = workload();
      await untilItWrites(first);
      process.kill(first.process.pid, 'SIGSTOP');
      await untilItLeads(second);
      await untilItWrites(second);
      process.kill(first.process.pid, 'SIGCONT');
      await endsWithFatalLine(first, /expired before it was renewed|held by/);
      await untilItWrites(second);
      await wroteOneAfterTheOther(first, second);
    });

    it('writes nothing after its lease has expired even if its timers do not fire, and exits', async (context) => {
      const first = await start({ preload: LATE_TIMERS });
      const second = await start(FOLLOWING);
      await using _work = workload();
      await untilItWrites(first);
      process.kill(first.process.pid, 'SIGUSR2');
      const begun = performance.now();
      await endsWithFatalLine(first, /expired before it was renewed/);
      say(context, `ended after ${Math.round(performance.now() - begun)} ms`);
      await untilItLeads(second);
      await untilItWrites(second);
      await wroteOneAfterTheOther(first, second);
    });

    for (const shift of SHIFTS) {
      it(`tolerates a clock that is ${shift / 60_000} minutes off, on a follower and on a leader`, async (context) => {
        const env = { CLOCK_SHIFT_MS: String(shift) };
        const first = await start();
        const shifted = await start({ ...FOLLOWING, preload: OTHER_CLOCK, env });
        await using _work = workload();
        await renewals(2 * LEASE_SECONDS * 2);
        assert.equal(await ready(first), 'ok, leading');
        await first.process.stop();
        await untilItLeads(shifted);
        const off = Date.parse((await leaseSpec()).renewTime ?? '') - Date.now() - shift;
        assert.ok(Math.abs(off) < 60_000, 'the clock is shifted');
        const third = await start(FOLLOWING);
        await renewals(2 * LEASE_SECONDS * 2);
        assert.equal(await ready(shifted), 'ok, leading');
        await kill(shifted.process.pid, shifted.process.exited);
        const took = await untilItLeads(third);
        say(context, `takeover after a kill, its clock ${shift / 60_000} min off: ${Math.round(took)} ms`);
        assert.ok(took < LEASE_SECONDS * 1000 + SLACK_MS, `took ${took} ms`);
        await untilItWrites(third);
        await wroteOneAfterTheOther(first, shifted);
        await wroteOneAfterTheOther(shifted, third);
      });
    }

    for (const failure of FAILURES) {
      it(`exits when its connections ${failure === 'cut' ? 'are cut' : 'fall silent'}, and another controller takes over`, async (context) => {
        await using relay = await Relay.to(cluster.controlPlane.server);
        const first = await start({ server: relay.url });
        const second = await start(FOLLOWING);
        await using _work = workload();
        await untilItWrites(first);
        relay[failure]();
        const begun = performance.now();
        await endsWithFatalLine(first, /could not be renewed|expired before it was renewed/);
        const ended = performance.now() - begun;
        await untilItLeads(second);
        say(
          context,
          `${failure}: leader ended after ${Math.round(ended)} ms, takeover after ${Math.round(performance.now() - begun)} ms`,
        );
        assert.ok(ended < LEASE_SECONDS * 1000 + SLACK_MS, `ended after ${ended} ms`);
        await untilItWrites(second);
        await wroteOneAfterTheOther(first, second);
      });
    }

    it('writes only as the leader while connections are cut repeatedly and the clocks differ', async (context) => {
      await using proxy = await startFaultProxy(cluster.controlPlane, { seed: 1 });
      const server = proxy.url;
      const first = await start({ server });
      const env = { CLOCK_SHIFT_MS: String(TEN_MINUTES_MS) };
      const second = await start({ ...FOLLOWING, server, preload: OTHER_CLOCK, env });
      await using _work = workload();
      await untilItWrites(first);
      const cut = async () => {
        for (let cuts = 0; cuts < CUTS; cuts += 1) {
          proxy.cutAll();
          await delay(Math.random() * LONGEST_BETWEEN_CUTS_MS);
        }
      };
      await cut();
      await kill(first.process.pid, first.process.exited);
      await Promise.all([cut(), untilItLeads(second)]);
      await untilItWrites(second);
      const counts = [await writesOf(first), await writesOf(second)].map(({ length }) => length);
      say(context, `${2 * CUTS} cuts, ${counts.join(' and ')} writes`);
      await wroteOneAfterTheOther(first, second);
    });

    it('keeps the lease across a restart of the API server', async () => {
      const leader = await start({}, []);
      const follower = await start(FOLLOWING, []);
      const identity = (await lease())?.spec.holderIdentity;
      await cluster.controlPlane.restartApiServer();
      const renewed = async () => (await lease())?.spec.renewTime;
      const before_ = await until(renewed, 'the API server to answer');
      await until(async () => (await renewed()) !== before_, 'the lease to be renewed');
      assert.equal((await lease())?.spec.holderIdentity, identity);
      assert.equal(await ready(leader), 'ok, leading');
      assert.match(await ready(follower), /^ok, following/);
      for (const each of [leader, follower]) {
        assert.ok((await states(each)).length >= 7);
        await until(
          async () => (await states(each)).every((state) => state === 'Watching'),
          'all watches to be established',
        );
      }
    });
  });

  describe('with any change of the Lease', () => {
    it('reports the missing rights if it may not use Leases, and leads once it may', async () => {
      await using roles = await withoutLeaseRole();
      const controller = await start({ until: 'serving' });
      const text = await until(async () => {
        const said = await ready(controller);
        return said.includes('forbidden') && said;
      }, 'the controller to be refused');
      assert.match(text, /^cannot take part in the leader election: .*leases.*is forbidden/);
      const warnings = (await logOf(controller)).filter(({ level }) => level === 40);
      assert.deepEqual(
        warnings.map(({ msg }) => msg),
        ['lease not acquired, trying again'],
      );
      assert.match(warnings[0]?.advice ?? '', /grant .*create, get, list, watch and update on leases/);
      await roles.restore();
      await untilItLeads(controller);
    });

    it('recreates a deleted Lease, and no other controller takes over', async () => {
      const leader = await start();
      const follower = await start(FOLLOWING);
      const before_ = await lease();
      await cluster.controlPlane.kubectl(['delete', 'lease', RELEASE, '-n', RELEASE]);
      const again = await until(lease, 'the Lease to be back');
      assert.equal(again.spec.holderIdentity, before_?.spec.holderIdentity);
      assert.notEqual(again.metadata.uid, before_?.metadata.uid);
      await renewals(2 * LEASE_SECONDS);
      assert.equal(await ready(leader), 'ok, leading');
      assert.match(await ready(follower), /^ok, following/);
    });

    it('continues when another client labels the Lease, and exits when another client changes the holder', async () => {
      const leader = await start();
      await cluster.controlPlane.kubectl(['label', 'lease', RELEASE, 'seen=yes', '-n', RELEASE]);
      await renewals(3);
      assert.equal((await lease())?.metadata.labels?.['seen'], 'yes');
      assert.equal(await ready(leader), 'ok, leading');
      const patch = JSON.stringify({ spec: { holderIdentity: 'somebody' } });
      await cluster.controlPlane.kubectl([
        'patch',
        'lease',
        RELEASE,
        '-n',
        RELEASE,
        '--type=merge',
        '--patch',
        patch,
      ]);
      await endsWithFatalLine(leader, /held by somebody now/);
    });

    const unusualLeases: readonly {
      readonly name: string;
      readonly spec: object;
      readonly leastMs: number;
    }[] = [
      { name: 'is empty', spec: {}, leastMs: 0 },
      { name: 'has a duration but no holder', spec: { leaseDurationSeconds: 3600 }, leastMs: 0 },
      { name: 'has only a holder', spec: { holderIdentity: 'ghost' }, leastMs: LEASE_SECONDS * 1000 },
      {
        name: 'has a short duration and no times',
        spec: { holderIdentity: 'ghost', leaseDurationSeconds: 1 },
        leastMs: 1000,
      },
      {
        name: 'was renewed in the far future',
        spec: {
          holderIdentity: 'ghost',
          leaseDurationSeconds: 1,
          renewTime: '2999-01-01T00:00:00.000000Z',
          leaseTransitions: 2_147_483_647,
        },
        leastMs: 1000,
      },
    ];
    for (const { name, spec, leastMs } of unusualLeases) {
      it(`acquires a Lease that ${name}, after ${leastMs / 1000} s`, async () => {
        await putLease(spec);
        const leader = await start({ keepLease: true });
        const lines = await logOf(leader);
        const [full, leading] = ['caches are synced', 'leading'].map((msg) =>
          Date.parse(lines.find((line) => line.msg === msg)?.time ?? ''),
        );
        const took = (leading ?? 0) - (full ?? 0);
        assert.ok(took >= leastMs - 50 && took < leastMs + 2000, `took ${took} ms`);
        assert.equal(
          lines.some(({ msg, holder }) => msg === 'following' && holder === 'ghost'),
          leastMs > 0,
        );
        await renewals(2);
      });
    }
  });
  /** Waits until the Lease has been renewed this many times. */
  async function renewals(count: number): Promise<void> {
    const seen = new Set<string | undefined>();
    await until(async () => seen.add((await lease())?.spec.renewTime).size > count, `${count} renewals`, 30);
  }
});

interface Line {
  readonly level: number;
  readonly time: string;
  readonly msg: string;
  readonly reason?: string;
  readonly advice?: string;
  readonly holder?: string;
}

async function logOf(controller: RunningController): Promise<readonly Line[]> {
  const lines = (await controller.log()).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Line);
}

/** Kills a process, as the kernel does when it is out of memory. */
async function kill(pid: number, exited: Promise<unknown>): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has already exited.
  }
  await exited;
}

function say(context: TestContext, text: string): void {
  context.diagnostic(text);
}

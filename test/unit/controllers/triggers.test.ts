import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/index.ts';
import type { Run } from '../../../src/scan/run.ts';
import { temporaryMetadata, temporarySecretName } from '../../../src/secret/temporary-secret.ts';
import { connectTriggers } from '../../support/triggers.ts';
import { Namespace, NOW } from './binding/namespace.ts';

const HOUR_AGO = new Date(NOW - 3_600_000).toISOString();

/**
 * A namespace in which `app` has bound `scan`. `rival` has the same repository with another secret, and `other` has
 * another repository.
 */
function bound() {
  const namespace = new Namespace();
  for (const name of ['pull', 'spare', 'third'])
    namespace.pullSecret(name, { 'reg.example': { auth: btoa(`${name}:p`) } });
  namespace.binding('app');
  namespace.binding('rival', {
    createdAt: '2026-02-02T00:00:00Z',
    spec: { imagePullSecrets: [{ name: 'spare' }] },
  });
  namespace.binding('other', { spec: { image: 'reg.example/other', imagePullSecrets: [{ name: 'third' }] } });
  namespace.scan('scan');
  for (const name of ['app', 'rival', 'other']) namespace.settle(name);
  const secretOf = (name: string) => namespace.resolve(name).trivySecret?.desired.name ?? '';
  return { namespace, secrets: { app: secretOf('app'), rival: secretOf('rival'), other: secretOf('other') } };
}

type Bound = ReturnType<typeof bound>;

const OWNER = { name: 'daily-1', uid: 'uid' };
const TEMPORARY = temporarySecretName(OWNER);

function temporary() {
  return { metadata: { name: TEMPORARY, ...temporaryMetadata(OWNER, 'app') } };
}

/** The keys that a change adds to the queues, without their namespace. */
async function enqueuedBy(change: (bound: Bound) => void): Promise<{
  bindings: string[];
  trivySecrets: string[];
  runs: string[];
}> {
  const given = bound();
  const keys = {
    bindings: new Set<string>(),
    trivySecrets: new Set<string>(),
    runs: new Set<string>(),
    sourceSecrets: new Set<string>(),
  };
  const queue = (name: keyof typeof keys) => ({
    add: (key: string) => void keys[name].add(key.replace('ns/', '')),
  });
  connectTriggers(given.namespace.stores, {
    bindings: queue('bindings'),
    trivySecrets: queue('trivySecrets'),
    runs: queue('runs'),
    sourceSecrets: queue('sourceSecrets'),
  });
  change(given);
  // Walks run in the next turn of the event loop.
  await turn();
  const shown = (key: string) =>
    Object.entries(given.secrets)
      .find(([, name]) => name === key)?.[0]
      .replace(/^/, 'of ') ?? key;
  return {
    bindings: [...keys.bindings].sort(),
    trivySecrets: [...keys.trivySecrets].map(shown).sort(),
    runs: [...keys.runs].sort(),
  };
}

describe('the triggers', () => {
  const cases: readonly {
    name: string;
    change: (bound: Bound) => void;
    bindings: readonly string[];
    trivySecrets: readonly string[];
    runs?: readonly string[];
  }[] = [
    {
      name: 'all bindings of a repository when a new one is created',
      change: ({ namespace }) => namespace.binding('new', { spec: { imagePullSecrets: [] } }),
      bindings: ['app', 'new', 'rival'],
      trivySecrets: [],
    },
    {
      name: 'the rivals and the Trivy Secrets of a deleted binding',
      change: ({ namespace }) => namespace.remove('bindings', 'app'),
      bindings: ['app', 'rival'],
      trivySecrets: ['of app'],
    },
    {
      name: 'the rivals of a binding for the scans of both repositories when its repository changes',
      change: ({ namespace }) =>
        namespace.binding('rival', {
          spec: { image: 'reg.example/other', imagePullSecrets: [{ name: 'spare' }] },
        }),
      // No scan names the other repository.
      bindings: ['app', 'rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'the rivals of a binding when it changes between discovered and user-created',
      change: ({ namespace }) => {
        const binding = namespace.stores.bindings.get('ns/rival');
        assert.ok(binding !== undefined);
        namespace.stores.bindings.set({ ...binding, discovered: true, resourceVersion: '99999' });
      },
      bindings: ['app', 'rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'only the binding and its Trivy Secrets when its status changes',
      change: ({ namespace }) => namespace.setStatus('app', { trivySecret: { name: 'chosen-now' } }),
      bindings: ['app'],
      trivySecrets: ['chosen-now', 'of app'],
    },
    {
      name: 'the bindings of the repository of a new scan',
      change: ({ namespace }) => namespace.scan('new'),
      bindings: ['app', 'rival'],
      trivySecrets: [],
    },
    {
      name: 'the bindings of the repository of a deleted scan, and the Trivy Secret that it mounted',
      change: ({ namespace }) => namespace.remove('scheduledScans', 'scan'),
      bindings: ['app', 'rival'],
      trivySecrets: ['of app'],
    },
    {
      name: 'the bindings of both repositories when the image of a bound scan changes',
      change: ({ namespace }) => namespace.tamper('scan', { parameters: ['reg.example/other:1'] }),
      bindings: ['app', 'other', 'rival'],
      trivySecrets: ['of app'],
      runs: ['scan'],
    },
    {
      name: 'the bindings and the Trivy Secrets of a changed pull secret',
      change: ({ namespace }) => namespace.pullSecret('spare'),
      bindings: ['rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'the bindings and the Trivy Secrets of a deleted pull secret',
      change: ({ namespace }) => namespace.remove('pullSecrets', 'spare'),
      bindings: ['rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'the bindings and the Trivy Secrets of a new pull secret of the older type',
      change: ({ namespace }) => namespace.dockercfgSecret('spare'),
      bindings: ['rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'the rivals of a binding that can no longer deliver a credential',
      change: ({ namespace, secrets }) => {
        const binding = namespace.stores.bindings.get('ns/app');
        assert.ok(binding !== undefined);
        const selection = { canBind: false, migrates: true, trivySecret: secrets.app, hasFailed: false };
        namespace.stores.selections.set(binding, selection);
      },
      bindings: ['app', 'rival'],
      trivySecrets: ['of app'],
    },
    {
      name: 'both Trivy Secrets when a binding selects another one',
      change: ({ namespace }) => {
        const binding = namespace.stores.bindings.get('ns/app');
        assert.ok(binding !== undefined);
        namespace.stores.selections.set(binding, {
          canBind: true,
          migrates: true,
          trivySecret: 'new',
          hasFailed: false,
        });
      },
      bindings: [],
      trivySecrets: ['new', 'of app'],
    },
    {
      name: 'the bindings that name a new Secret of another type',
      change: ({ namespace }) => namespace.otherSecret('third'),
      bindings: ['other'],
      trivySecrets: ['of other'],
    },
    {
      name: 'the binding whose Trivy Secret has the name of a new Secret of another owner',
      change: ({ namespace, secrets }) => namespace.otherSecret(secrets.other),
      bindings: ['other'],
      trivySecrets: [],
    },
    {
      name: 'the binding of a deleted Trivy Secret, and that Secret',
      change: ({ namespace, secrets }) => namespace.remove('trivySecrets', secrets.other),
      bindings: ['other'],
      trivySecrets: ['of other'],
    },
    {
      name: 'the Trivy Secret that a finished run mounted, and its ScheduledScan, which may be waiting',
      change: ({ namespace, secrets }) => {
        const run = {
          namespace: 'ns',
          name: 'run',
          uid: 'run',
          resourceVersion: '1',
          secretName: secrets.app,
          scheduledScan: 'scan',
          createdAt: 0,
          request: undefined,
        };
        namespace.stores.runs.set({ ...run, state: 'Done', isScanned: true });
      },
      bindings: [],
      trivySecrets: ['of app'],
      runs: ['scan'],
    },
    {
      name: 'its binding and itself when a temporary Secret is created',
      change: ({ namespace }) => namespace.trivySecret(temporary()),
      bindings: ['app'],
      trivySecrets: [TEMPORARY],
      runs: [],
    },
    {
      name: 'its temporary Secret when a Scan changes that does not mount it',
      change: ({ namespace }) => {
        namespace.trivySecret(temporary());
        const raw = { namespace: 'ns', name: 'daily-1', uid: 'uid', resourceVersion: '1', createdAt: 0 };
        const none = { secretName: undefined, scheduledScan: undefined, request: undefined };
        namespace.stores.runs.set({ ...raw, ...none, state: 'Failed', isScanned: true });
      },
      bindings: ['app'],
      trivySecrets: [TEMPORARY],
      runs: [],
    },
    {
      name: 'the bindings of its repository, and the empty name, when a scan loses its binding annotation',
      change: ({ namespace }) => namespace.removeBindingAnnotation('scan'),
      bindings: ['', 'app', 'rival'],
      trivySecrets: ['of app'],
      runs: ['scan'],
    },
  ];
  for (const { name, change, bindings, trivySecrets, runs = [] } of cases) {
    it(`enqueue ${name}`, async () =>
      assert.deepEqual(await enqueuedBy(change), { bindings, trivySecrets, runs }));
  }

  it('enqueue the binding of a scan when a Scan that may delay its requested run begins or ends, and for no other change', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('app');
    namespace.scan('scan', { schedule: { suspend: false, interval: '168h' }, lastScheduleTime: HOUR_AGO });
    namespace.settle('app');
    const bindings: string[] = [];
    const ignored = { add: () => undefined };
    connectTriggers(namespace.stores, {
      bindings: { add: (key) => void bindings.push(key) },
      ...{ trivySecrets: ignored, runs: ignored, sourceSecrets: ignored },
    });
    const enqueuedFor = (state: Run['state']) => {
      bindings.length = 0;
      namespace.run('scan', state);
      return bindings;
    };
    assert.deepEqual(enqueuedFor('Running'), ['ns/app']);
    assert.deepEqual(enqueuedFor('Running'), []);
    assert.deepEqual(enqueuedFor('Failed'), ['ns/app']);
    const scan = namespace.stores.scheduledScans.get('ns/scan');
    assert.ok(scan?.request !== undefined);
    // A run was scheduled since.
    const schedule = { ...scan.schedule, lastRunAt: scan.request.at };
    namespace.stores.scheduledScans.set({ ...scan, schedule, resourceVersion: '1000' });
    assert.deepEqual(enqueuedFor('Running'), []);
  });

  it('enqueue nothing for a Secret that no binding names', async () => {
    assert.deepEqual(await enqueuedBy(({ namespace }) => namespace.otherSecret('unrelated')), {
      bindings: [],
      trivySecrets: [],
      runs: [],
    });
  });

  it('treat a binding with the label as discovered', () => {
    const namespace = new Namespace();
    namespace.binding('app', { labels: { [MANAGED_BY_LABEL]: MANAGED_BY } });
    assert.equal(namespace.stores.bindings.get('ns/app')?.discovered, true);
  });
});

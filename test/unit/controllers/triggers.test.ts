import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/index.ts';
import { connectTriggers } from '../../../src/controllers/binding/triggers.ts';
import { Namespace } from './binding/cluster.ts';

/**
 * A namespace in which `app` has bound `scan`; `rival` is for the same repository with another secret, `other` for
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

/** Which keys a change adds to the queues, without their namespace. */
async function woken(change: (bound: Bound) => void): Promise<{
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

describe('what is reconciled after a change', () => {
  const cases: readonly {
    name: string;
    change: (bound: Bound) => void;
    bindings: readonly string[];
    trivySecrets: readonly string[];
    runs?: readonly string[];
  }[] = [
    {
      name: 'a binding of the repository comes: all of that repository',
      change: ({ namespace }) => namespace.binding('new', { spec: { imagePullSecrets: [] } }),
      bindings: ['app', 'new', 'rival'],
      trivySecrets: [],
    },
    {
      name: 'a binding goes: its rivals, and the Secrets of its pull secrets',
      change: ({ namespace }) => namespace.remove('bindings', 'app'),
      bindings: ['app', 'rival'],
      trivySecrets: ['of app'],
    },
    {
      name: 'a binding gets another repository: its rivals for the scans on both sides',
      change: ({ namespace }) =>
        namespace.binding('rival', {
          spec: { image: 'reg.example/other', imagePullSecrets: [{ name: 'spare' }] },
        }),
      // No scan names the other repository.
      bindings: ['app', 'rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'a person takes a binding of discovery over: its rivals',
      change: ({ namespace }) => {
        const binding = namespace.stores.bindings.get('ns/rival');
        assert.ok(binding !== undefined);
        namespace.stores.bindings.set({ ...binding, discovered: true, resourceVersion: '99999' });
      },
      bindings: ['app', 'rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'the status of a binding changes: it alone, and its Secret',
      change: ({ namespace }) => namespace.setStatus('app', { trivySecret: { name: 'chosen-now' } }),
      bindings: ['app'],
      trivySecrets: ['chosen-now', 'of app'],
    },
    {
      name: 'a scan comes: the bindings of its repository',
      change: ({ namespace }) => namespace.scan('new'),
      bindings: ['app', 'rival'],
      trivySecrets: [],
    },
    {
      name: 'a bound scan goes: the bindings of its repository, and the Secret that it mounted',
      change: ({ namespace }) => namespace.remove('scheduledScans', 'scan'),
      bindings: ['app', 'rival'],
      trivySecrets: ['of app'],
    },
    {
      name: 'a bound scan is given another image: the bindings of both repositories',
      change: ({ namespace }) => namespace.tamper('scan', { parameters: ['reg.example/other:1'] }),
      bindings: ['app', 'other', 'rival'],
      trivySecrets: ['of app'],
      runs: ['scan'],
    },
    {
      name: 'a pull secret changes: the bindings that name it, and the Secrets made from it',
      change: ({ namespace }) => namespace.pullSecret('spare'),
      bindings: ['rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'a pull secret goes: the same',
      change: ({ namespace }) => namespace.remove('pullSecrets', 'spare'),
      bindings: ['rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'a pull secret of the older type comes: the same',
      change: ({ namespace }) => namespace.dockercfgSecret('spare'),
      bindings: ['rival'],
      trivySecrets: ['of rival'],
    },
    {
      name: 'a binding can no longer deliver a credential: its rivals for the scans that fit it',
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
      name: 'a binding selects another Secret: both Secrets',
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
      name: 'a Secret of another type comes under the name of a pull secret: who names it',
      change: ({ namespace }) => namespace.otherSecret('third'),
      bindings: ['other'],
      trivySecrets: ['of other'],
    },
    {
      name: 'a Secret that is not ours comes in the place of ours: whose place it is',
      change: ({ namespace, secrets }) => namespace.otherSecret(secrets.other),
      bindings: ['other'],
      trivySecrets: [],
    },
    {
      name: 'a Secret of ours goes: whose it is, and itself',
      change: ({ namespace, secrets }) => namespace.remove('trivySecrets', secrets.other),
      bindings: ['other'],
      trivySecrets: ['of other'],
    },
    {
      name: 'a run ends: the Secret that it mounted, and its ScheduledScan, which may be waiting for that',
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
        namespace.stores.runs.set({ ...run, state: 'Done' });
      },
      bindings: [],
      trivySecrets: ['of app'],
      runs: ['scan'],
    },
    {
      name: "the binding annotation is taken off a scan: its repository, and nobody's name, which lets it go if need be",
      change: ({ namespace }) => namespace.unname('scan'),
      bindings: ['', 'app', 'rival'],
      trivySecrets: ['of app'],
      runs: ['scan'],
    },
  ];
  for (const { name, change, bindings, trivySecrets, runs = [] } of cases) {
    it(name, async () => assert.deepEqual(await woken(change), { bindings, trivySecrets, runs }));
  }

  it('a Secret that no binding names changes: nothing', async () => {
    assert.deepEqual(await woken(({ namespace }) => namespace.otherSecret('unrelated')), {
      bindings: [],
      trivySecrets: [],
      runs: [],
    });
  });

  it('a label makes a binding one of discovery', () => {
    const namespace = new Namespace();
    namespace.binding('app', { labels: { [MANAGED_BY_LABEL]: MANAGED_BY } });
    assert.equal(namespace.stores.bindings.get('ns/app')?.discovered, true);
  });
});

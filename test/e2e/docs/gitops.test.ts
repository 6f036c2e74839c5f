/** Checks what docs/gitops.md says about Argo CD, Flux and Helm, with their own libraries and a real API server. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import type { RunningController } from '../../../hack/testenv/controller.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import type { RawScheduledScan } from '../../../src/scan/scheduled-scan.ts';
import { type Binding, Cluster, secretNameOf, type TestNamespace } from '../../support/cluster/cluster.ts';
import { readPage } from '../../support/docs/markdown.ts';
import { until } from '../../support/until.ts';
import { askAddOns, type Ignored } from '../support/add-ons.ts';

const page = readPage('docs/gitops.md');
const AUTHS = { 'reg.example': { auth: btoa('user:password') } };
const OPAQUE = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'opaque' }, data: {} };

/** The lists of a ScheduledScan that uses a ConfigMap and a variable of its own. */
const OWN_LISTS = {
  env: [{ name: 'TRIVY_SEVERITY', value: 'HIGH' }],
  volumes: [{ name: 'ca', configMap: { name: 'company-ca' } }],
  volumeMounts: [{ name: 'ca', mountPath: '/etc/company-ca' }],
};

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly scanSpec: { readonly parameters: readonly string[]; readonly env?: object[] } };
}

function yamlIn(file: string): unknown {
  const block = page.blocks.find(({ words }) => words.includes(file));
  assert.ok(block !== undefined, `the page has a block ${file}`);
  return load(block.text);
}

const { data } = yamlIn('argocd-cm.yaml') as { readonly data: Readonly<Record<string, string>> };
const HEALTH =
  data['resource.customizations.health.credentials.securecodebox.io_ImageCredentialBinding'] ?? '';

describe('what the GitOps page says', () => {
  let cluster: Cluster;
  let controller: RunningController;
  let namespace: TestNamespace;
  /** As it is before a controller has reported on it. */
  let unreported: Binding | undefined;
  before(async () => {
    cluster = await Cluster.start();
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('new');
    unreported = await namespace.get<Binding>(imageCredentialBindings, 'new');
    await startController();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  const startController = async () => {
    controller = await cluster.startController('--runs-per-minute', '0');
  };
  const apply = (manifest: object, ...flags: readonly string[]) =>
    cluster.controlPlane.kubectl(['apply', ...flags, '--filename', '-'], { input: JSON.stringify(manifest) });

  describe('about the state of a binding', () => {
    const assertStateOf = async (object: Binding | undefined, health: string, kstatus: string) => {
      assert.ok(object !== undefined);
      const [argo, flux] = await askAddOns([
        { health: HEALTH, object },
        { kstatus: true, object },
      ]);
      assert.deepEqual([argo?.status, flux?.status], [health, kstatus], JSON.stringify(object.status));
      return argo?.message;
    };
    const assertState = async (name: string, health: string, kstatus: string) =>
      assertStateOf(await namespace.get<Binding>(imageCredentialBindings, name), health, kstatus);

    it('is that both wait until a controller has reported on it', async () => {
      await assertStateOf(unreported, 'Progressing', 'InProgress');
      await namespace.condition('new', 'Ready', 'True Ready');
      const message = await assertState('new', 'Healthy', 'Current');
      assert.match(message ?? '', /^Ready: entry "reg\.example"/);
    });

    it('is that a missing Secret is Degraded, and in progress for Flux', async () => {
      await namespace.binding('missing', {
        image: 'reg.example/missing',
        imagePullSecrets: [{ name: 'none' }],
      });
      await namespace.condition('missing', 'Ready', 'False SecretNotFound');
      const message = await assertState('missing', 'Degraded', 'InProgress');
      assert.match(message ?? '', /^SecretNotFound: .*Secret none does not exist/);
    });

    it('is that only a change of an object helps a stalled one', async () => {
      await apply({ ...OPAQUE, metadata: { ...OPAQUE.metadata, namespace: namespace.name } });
      await namespace.binding('stalled', {
        image: 'reg.example/stalled',
        imagePullSecrets: [{ name: 'opaque' }],
      });
      await namespace.condition('stalled', 'Stalled', 'True NotAnnotated');
      await assertState('stalled', 'Degraded', 'Failed');
    });

    it('is that both wait for a run that is due', async () => {
      await namespace.scan('due', ['reg.example/due:1.0'], { spec: { suspend: false } });
      await namespace.binding('due', { image: 'reg.example/due' });
      await namespace.condition('due', 'ScansBound', 'False Waiting');
      await assertState('due', 'Progressing', 'InProgress');
    });

    it('is that both wait while the status is about an earlier spec', async () => {
      await controller.process.stop();
      await namespace.binding('new', { mode: 'Observe' });
      await assertState('new', 'Progressing', 'InProgress');
      await startController();
    });
  });

  describe('about a ScheduledScan in Git', () => {
    const rules = yamlIn('application.yaml') as {
      readonly spec: { readonly ignoreDifferences: readonly [Ignored] };
    };
    const [ignored] = rules.spec.ignoreDifferences;

    const manifest = (name: string, lists: object = {}): Manifest => ({
      apiVersion: 'execution.securecodebox.io/v1',
      kind: 'ScheduledScan',
      metadata: { name, namespace: namespace.name },
      spec: {
        ...{ interval: '12h', suspend: true },
        scanSpec: { ...{ scanType: 'trivy-image', parameters: [`reg.example/${name}:1.0`] }, ...lists },
      } as Manifest['spec'],
    });
    const withEnv = (git: Manifest, env: object[]): Manifest => ({
      ...git,
      spec: { ...git.spec, scanSpec: { ...git.spec.scanSpec, env } },
    });
    /** Applies it as Argo CD does, and binds it. */
    const applied = async (git: Manifest): Promise<RawScheduledScan> => {
      await apply(git);
      await namespace.binding(git.metadata.name, { image: `reg.example/${git.metadata.name}` });
      return (await namespace.bound(git.metadata.name)).scan;
    };
    const argo = async (git: Manifest, more: Ignored & { readonly respect?: boolean } = {}) => {
      const object = await namespace.rawScan(git.metadata.name);
      const [answer] = await askAddOns([{ argo: { git, ...more }, object }]);
      assert.ok(answer !== undefined);
      return { synced: answer.synced, target: answer.target as Manifest };
    };
    const version = async (name: string) => (await namespace.rawScan(name)).metadata.resourceVersion;
    const boundAgain = (name: string, since: string | undefined) =>
      until(async () => {
        const scan = await namespace.rawScan(name);
        return secretNameOf(scan) !== undefined && scan.metadata.resourceVersion !== since ? scan : undefined;
      }, `${name} to be bound again`);

    it('is that without lists of its own, Argo CD sees no difference, and a sync changes nothing', async () => {
      const git = manifest('plain');
      const scan = await applied(git);
      assert.equal((await argo(git)).synced, true);
      await apply(git);
      assert.equal(await version('plain'), scan.metadata.resourceVersion);
    });

    it('is that with lists of its own, Argo CD sees a difference, and each sync removes the credential', async () => {
      const git = manifest('fight', OWN_LISTS);
      let { resourceVersion } = (await applied(git)).metadata;
      for (let round = 0; round < 2; round += 1) {
        assert.equal((await argo(git)).synced, false);
        await apply(git);
        ({ resourceVersion } = (await boundAgain('fight', resourceVersion)).metadata);
      }
    });

    it('is that the rules for Argo CD exclude exactly the entries of the controller', async () => {
      const git = manifest('excluded', OWN_LISTS);
      await applied(git);
      assert.equal((await argo(git, ignored)).synced, true);
      const other = { ...git, spec: { ...git.spec, suspend: false } };
      assert.equal((await argo(other, ignored)).synced, false);
    });

    it('is that with these rules, a change of a list in Git arrives, and the scan is bound again', async () => {
      const git = manifest('changed', OWN_LISTS);
      const { metadata } = await applied(git);
      const next = withEnv(git, [{ name: 'TRIVY_SEVERITY', value: 'CRITICAL' }]);
      const { synced, target } = await argo(next, ignored);
      assert.equal(synced, false);
      await apply(target);
      const scan = await boundAgain('changed', metadata.resourceVersion);
      assert.deepEqual(scan.spec.scanSpec.env?.[0], { name: 'TRIVY_SEVERITY', value: 'CRITICAL' });
      assert.equal((await argo(next, ignored)).synced, true);
    });

    it('is that with RespectIgnoreDifferences=true, such a change never arrives', async () => {
      const git = manifest('respected', OWN_LISTS);
      await applied(git);
      const next = withEnv(git, [{ name: 'TRIVY_SEVERITY', value: 'CRITICAL' }]);
      const { synced, target } = await argo(next, { ...ignored, respect: true });
      assert.equal(synced, false);
      assert.deepEqual(target.spec.scanSpec.env?.[0], { name: 'TRIVY_SEVERITY', value: 'HIGH' });
    });

    it('is that managedFieldsManagers hides such a change', async () => {
      const git = manifest('hidden', OWN_LISTS);
      await applied(git);
      const managers = { managedFieldsManagers: ['image-credential-binding'] };
      assert.equal((await argo(git, managers)).synced, true);
      const next = withEnv(git, [{ name: 'TRIVY_SEVERITY', value: 'CRITICAL' }]);
      assert.equal((await argo(next, managers)).synced, true);
      assert.equal((await argo(next)).synced, false);
    });

    it('is that each sync undoes a migration until Git names the new image', async () => {
      const git = manifest('previous');
      await apply(git);
      await namespace.binding('moved', { image: 'reg.example/moved', replaces: ['reg.example/previous'] });
      const migrated = () =>
        until(
          async () =>
            (await namespace.rawScan('previous')).spec.scanSpec.parameters[0] === 'reg.example/moved:1.0',
          'the scan to be migrated',
        );
      for (let round = 0; round < 2; round += 1) {
        await migrated();
        assert.equal((await argo(git, ignored)).synced, false);
        await apply(git);
      }
      await migrated();
      const next = {
        ...git,
        spec: { ...git.spec, scanSpec: { ...git.spec.scanSpec, parameters: ['reg.example/moved:1.0'] } },
      };
      assert.equal((await argo(next, ignored)).synced, true);
    });

    it('is which fields the controller writes', async () => {
      const lists = {
        env: [],
        volumes: [{ name: 'pull-volume', secret: { secretName: 'pull' } }],
        initContainers: [
          {
            name: 'secret-extraction-to-env',
            image: 'extractor',
            volumeMounts: [{ name: 'pull-volume', mountPath: '/secrets/pull' }],
          },
        ],
      };
      await apply(manifest('fields', lists));
      const original = await namespace.rawScan('fields');
      await namespace.binding('written', { image: 'reg.example/written', replaces: ['reg.example/fields'] });
      const { scan } = await namespace.bound('fields');
      const written = page.tables
        .get('What the controller writes')
        ?.map(([field = '']) => field.replaceAll('`', ''));
      // Only for scans that are not suspended.
      const ofRuns = ['metadata.annotations["credentials.securecodebox.io/run"]', 'status.lastScheduleTime'];
      assert.deepEqual(
        changedFields(original, scan).toSorted(),
        written?.filter((field) => !ofRuns.includes(field)).toSorted(),
      );
    });

    describe('with Flux', () => {
      const FLUX = ['--server-side', '--force-conflicts', '--field-manager=kustomize-controller'];
      /** Applies it as Flux does, and binds it. */
      const reconciled = async (git: Manifest): Promise<RawScheduledScan> => {
        await apply(git, ...FLUX);
        await namespace.binding(git.metadata.name, { image: `reg.example/${git.metadata.name}` });
        return (await namespace.bound(git.metadata.name)).scan;
      };

      it('is that without lists of its own, server-side apply changes nothing', async () => {
        const git = manifest('flux-plain');
        const { metadata } = await reconciled(git);
        await apply(git, ...FLUX);
        assert.equal(await version('flux-plain'), metadata.resourceVersion);
      });

      it('is that with lists of its own, each server-side apply removes the credential', async () => {
        const git = manifest('flux-fight', OWN_LISTS);
        let { resourceVersion } = (await reconciled(git)).metadata;
        for (let round = 0; round < 2; round += 1) {
          await apply(git, ...FLUX);
          ({ resourceVersion } = (await boundAgain('flux-fight', resourceVersion)).metadata);
        }
      });
    });

    it('is that an upgrade with Helm changes only what differs between the releases', async () => {
      const { helm } = await tools(['helm'], () => undefined);
      const { group, directory, kubeconfig } = cluster.controlPlane;
      const chart = join(directory, 'scans');
      await mkdir(join(chart, 'templates'), { recursive: true });
      await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: scans\nversion: 1.0.0\n');
      const upgrade = async (git: Manifest) => {
        await writeFile(join(chart, 'templates/scan.yaml'), JSON.stringify(git));
        const args = ['upgrade', '--install', 'scans', chart, '--namespace', namespace.name];
        const { code, stderr } = await group.run(helm, args, { env: { KUBECONFIG: kubeconfig } });
        assert.equal(code, 0, stderr);
      };
      const git = manifest('helm', OWN_LISTS);
      await upgrade(git);
      await namespace.binding('helm', { image: 'reg.example/helm' });
      const { secretName } = await namespace.bound('helm');

      await upgrade({ ...git, spec: { ...git.spec, interval: '6h' } as Manifest['spec'] });
      const kept = await namespace.rawScan('helm');
      assert.deepEqual([kept.spec.interval, secretNameOf(kept)], ['6h', secretName]);

      await upgrade(withEnv(git, [{ name: 'TRIVY_SEVERITY', value: 'LOW' }]));
      const scan = await until(async () => {
        const found = await namespace.rawScan('helm');
        return (found.spec.scanSpec.env?.length ?? 0) > 1 ? found : undefined;
      }, 'the scan to be bound again');
      assert.deepEqual(scan.spec.scanSpec.env?.[0], { name: 'TRIVY_SEVERITY', value: 'LOW' });
    });
  });
});

/** The annotations and the fields of spec that differ, in the form of the page. */
function changedFields(before: RawScheduledScan, after: RawScheduledScan): readonly string[] {
  return [
    ...changedKeys(before.metadata.annotations, after.metadata.annotations).map(
      (key) => `metadata.annotations["${key}"]`,
    ),
    ...changedKeys(before.spec.scanSpec, after.spec.scanSpec).map((key) => `spec.scanSpec.${key}`),
    ...changedKeys({ ...before.spec, scanSpec: 0 }, { ...after.spec, scanSpec: 0 }).map(
      (key) => `spec.${key}`,
    ),
    ...changedKeys(before.metadata.labels, after.metadata.labels).map((key) => `metadata.labels["${key}"]`),
  ];
}

function changedKeys(before: object = {}, after: object = {}): readonly string[] {
  const values = (object: object) =>
    new Map(Object.entries(object).map(([key, value]) => [key, JSON.stringify(value)]));
  const [old, fresh] = [values(before), values(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])].filter((key) => old.get(key) !== fresh.get(key));
}

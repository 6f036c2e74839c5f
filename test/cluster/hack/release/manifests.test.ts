import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadAll } from 'js-yaml';
import { chartFiles, chartPackage } from '../../../../hack/release/chart.ts';
import { installFile, kustomizeFiles, rendered } from '../../../../hack/release/manifests.ts';
import {
  type ControlPlane,
  startControlPlane,
} from '../../../../hack/testenv/control-plane/control-plane.ts';
import { installChart, RELEASE } from '../../../../hack/testenv/controller.ts';
import { tools } from '../../../../hack/testenv/tools/tools.ts';
import packageJson from '../../../../package.json' with { type: 'json' };

const { version } = packageJson;
const CRD = 'imagecredentialbindings.credentials.securecodebox.io';
const IMAGE = `ghcr.io/example/icb:1.2.3@sha256:${'0123456789abcdef'.repeat(4)}`;
const log = (line: string) => process.stderr.write(`${line}\n`);

describe('the manifests of a release', () => {
  let folder: string;
  let release: string;
  let install: string;
  let programs: { readonly helm: string; readonly kubectl: string };

  before(async () => {
    programs = await tools(['helm', 'kubectl'], log);
    folder = mkdtempSync(join(tmpdir(), 'icb-manifests-'));
    release = join(folder, 'release');
    const all = await rendered(programs.helm, await chartFiles(undefined));
    install = `${installFile(all, version).content}`;
    for (const { path, content } of [installFile(all, version), ...(await kustomizeFiles(all, version))]) {
      mkdirSync(dirname(join(release, path)), { recursive: true });
      writeFileSync(join(release, path), content);
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  it('have neither hooks nor labels of Helm, nor the admission webhook, which needs a hook', () => {
    assert.match(install, /^kind: Deployment$/m);
    assert.doesNotMatch(install, /helm\.sh|: Helm$/m);
    assert.doesNotMatch(install, /^kind: Job$/m);
    assert.doesNotMatch(install, /MutatingWebhookConfiguration|--admission/);
  });

  it('say first how to unbind all scans before the objects are deleted', () => {
    const steps = [...(install.split(/^(?!#)/m)[0]?.matchAll(/^# {3}(.+)$/gm) ?? [])].map(([, step]) => step);
    const unbind = steps.indexOf('kubectl icb unbind --all-namespaces');
    const scale = steps.findIndex((step) => step?.startsWith('kubectl scale '));
    assert.ok(scale >= 0 && unbind > scale, steps.join());
  });

  describe('with --image', () => {
    it('names this image in the chart and in install.yaml, and changes nothing else', async () => {
      const [files, plain] = [await chartFiles(IMAGE), await chartFiles(undefined)];
      const changed = files.filter(({ content }, index) => `${content}` !== `${plain[index]?.content}`);
      assert.deepEqual(
        changed.map(({ path }) => path),
        ['values.yaml'],
      );
      const packed = join(folder, 'image.tgz');
      writeFileSync(packed, (await chartPackage(files, version)).content);
      const { stdout, stderr } = spawnSync(
        programs.helm,
        ['template', 'icb', packed, '--kube-version', '1.30.0'],
        { encoding: 'utf8' },
      );
      const { content } = installFile(await rendered(programs.helm, files), version);
      for (const [text, count] of [
        [stdout, 3],
        [`${content}`, 1],
      ] as const) {
        const images = JSON.stringify(loadAll(text)).match(/"image":"[^"]+"/g);
        assert.deepEqual(
          images,
          Array.from({ length: count }, () => `"image":"${IMAGE}"`),
          stderr,
        );
      }
    });

    for (const [title, image, says] of [
      [
        'that has no tag',
        'ghcr.io/example/icb',
        /expected an image with a tag, found ghcr\.io\/example\/icb; append/,
      ],
      ['that has only a digest', IMAGE.replace(':1.2.3', ''), /expected an image with a tag/],
      ['that has only a port', 'reg.example:5000/icb', /expected an image with a tag/],
      ['that is not valid', 'ghcr.io/Example/icb:1', /ghcr\.io\/Example\/icb:1/],
    ] as const)
      it(`refuses an image ${title}`, () => assert.rejects(chartFiles(image), says));
  });

  describe('on a real API server', () => {
    let expected: object;

    before(async () => {
      await using controlPlane = await startControlPlane({ log, auditLog: false });
      await installChart(controlPlane);
      expected = await objects(controlPlane);
    });

    const ways: Readonly<Record<string, readonly string[]>> = {
      'install.yaml, applied on the server': ['--server-side', '--filename', 'install.yaml'],
      'install.yaml, applied by the client': ['--filename', 'install.yaml'],
      'the kustomize base': ['--server-side', '--kustomize', 'kustomize'],
    };
    for (const [title, [...args]] of Object.entries(ways))
      it(`creates the same objects as the chart, except for Helm's labels: ${title}`, async () => {
        await using controlPlane = await startControlPlane({ log, auditLog: false });
        args[args.length - 1] = join(release, args.at(-1) ?? '');
        const { stderr } = await controlPlane.kubectl(['apply', ...args]);
        assert.equal(stderr, '');
        assert.deepEqual(await objects(controlPlane), expected);
        // What its header says about upgrades and about deletion, apart from the command icb.
        assert.equal((await controlPlane.kubectl(['apply', ...args])).stderr, '');
        const scale = /^# {3}kubectl (scale .+)$/m.exec(install)?.[1]?.split(' ') ?? [];
        assert.match((await controlPlane.kubectl(scale)).stdout, /scaled$/m);
        await controlPlane.kubectl([
          'delete',
          '--wait=false',
          ...args.filter((arg) => arg !== '--server-side'),
        ]);
      });
  });

  /** All objects of the controller, by kind and name, without what differs in each cluster and without Helm's own marks. */
  async function objects(controlPlane: ControlPlane): Promise<object> {
    const { stdout } = await controlPlane.kubectl(['api-resources', '--verbs=list', '--output=name']);
    const kinds = stdout
      .trim()
      .split('\n')
      .filter((kind) => !/^(?:events|componentstatuses)/.test(kind));
    assert.ok(kinds.length > 40);
    const selected = ['--all-namespaces', '--selector', `app.kubernetes.io/instance=${RELEASE}`];
    const found = await controlPlane.kubectl(['get', kinds.join(), ...selected, '--output=json']);
    const crd = await controlPlane.kubectl(['get', 'crd', CRD, '--output=json']);
    const list = [...JSON.parse(found.stdout).items, JSON.parse(crd.stdout)];
    // The Namespace has no label.
    assert.equal(list.length, loadAll(install).length - 1);
    return Object.fromEntries(list.map((object) => [nameOf(object), normalized(object)]));
  }

  describe('the kustomize base', () => {
    const binding = {
      apiVersion: 'credentials.securecodebox.io/v1alpha1',
      kind: 'ImageCredentialBinding',
      metadata: { name: 'app', namespace: 'shop' },
      spec: { image: 'reg.example/app', imagePullSecrets: [{ name: 'pull' }, { name: 'other' }] },
    };
    const generated = {
      secretGenerator: [
        {
          name: 'pull',
          namespace: 'shop',
          literals: ['.dockerconfigjson={"auths":{}}'],
          type: 'kubernetes.io/dockerconfigjson',
        },
      ],
      resources: ['binding.json'],
    };

    const overlays: Readonly<Record<string, (kustomization: typeof generated) => object>> = {
      'in an overlay of the base': (own) => ({
        ...own,
        resources: ['../release/kustomize', ...own.resources],
      }),
      'with only the component': (own) => ({ ...own, components: ['../release/kustomize/name-reference'] }),
    };
    for (const [title, kustomization] of Object.entries(overlays))
      it(`makes a binding follow the name of a generated Secret, ${title}`, () => {
        const overlay = mkdtempSync(join(folder, 'overlay-'));
        writeFileSync(join(overlay, 'binding.json'), JSON.stringify(binding));
        writeFileSync(join(overlay, 'kustomization.yaml'), JSON.stringify(kustomization(generated)));
        const { stdout, stderr } = spawnSync(programs.kubectl, ['kustomize', overlay], { encoding: 'utf8' });
        const built = loadAll(stdout) as (typeof binding)[];
        const secret = built.find(({ kind }) => kind === 'Secret')?.metadata.name ?? '';
        assert.match(secret, /^pull-[0-9a-z]{10}$/, stderr);
        assert.deepEqual(built.find(({ kind }) => kind === binding.kind)?.spec.imagePullSecrets, [
          { name: secret },
          { name: 'other' },
        ]);
      });
  });
});

interface ApiObject {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

function nameOf({ kind, metadata }: ApiObject): string {
  return [kind, metadata['namespace'], metadata['name']].join('/');
}

const VOLATILE = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'managedFields',
  'generation',
  'annotations',
]);

/** The object without status, without metadata that each cluster writes, and without Helm's labels. */
function normalized({ status: _, metadata, ...object }: ApiObject & { readonly status?: unknown }): object {
  const own = Object.entries(metadata).filter(([field]) => !VOLATILE.has(field));
  const annotations = Object.entries((metadata['annotations'] ?? {}) as object).filter(
    ([name]) => !/^(?:meta\.helm\.sh|kubectl\.kubernetes\.io)\//.test(name),
  );
  const text = JSON.stringify(
    { ...object, metadata: { ...Object.fromEntries(own), annotations } },
    (key, value) => {
      if (key !== 'labels') return value;
      const { 'helm.sh/chart': __, 'app.kubernetes.io/managed-by': ___, ...labels } = value;
      return labels;
    },
  );
  return JSON.parse(text);
}

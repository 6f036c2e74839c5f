import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packed, type ReleaseFile } from './file.ts';

/** Name of the controller's objects, and of their namespace. */
const NAME = 'image-credential-binding';
const NAMESPACE = `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${NAME}\n`;

/** One object of the chart. */
interface Rendered {
  /** Name of the file that describes it. */
  readonly source: string;
  /** YAML. */
  readonly text: string;
}

/**
 * Renders the chart with its default values, without hooks and without the labels that only Helm reads. The admission webhook is
 * off, because its certificates need a hook.
 *
 * @param helm - path of the program
 * @param files - of the chart
 * @returns the CRD and all objects of the chart
 */
export async function rendered(helm: string, files: readonly ReleaseFile[]): Promise<readonly Rendered[]> {
  const folder = await mkdtemp(join(tmpdir(), 'icb-chart-'));
  try {
    for (const { path, content } of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    const flags = ['--namespace', NAME, '--include-crds', '--no-hooks', '--kube-version', '1.30.0'];
    flags.push('--set', 'admission.enabled=false');
    const { stdout } = await promisify(execFile)(helm, ['template', NAME, folder, ...flags], {
      maxBuffer: 2 ** 26,
      // No repositories, plugins and settings of the user.
      env: { PATH: process.env['PATH'], HOME: folder },
    });
    return stdout
      .split(/^---\n/m)
      .slice(1)
      .map(objectOf);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function objectOf(document: string): Rendered {
  const { path, text } = /^# Source: [^/]+\/(?<path>\S+)\n(?<text>.*)$/s.exec(document)?.groups ?? {};
  if (path === undefined || text === undefined)
    throw new Error(
      `expected helm template to name the source of each object, found ${document.slice(0, 80)}`,
    );
  const source = path.startsWith('crds/') ? 'crd.yaml' : path.replace(/^templates\//, '');
  return { source, text: `${withoutHelmLabels(text).trim()}\n` };
}

function withoutHelmLabels(text: string): string {
  return text.replaceAll(/^ +(?:helm\.sh\/chart: .*|app\.kubernetes\.io\/managed-by: Helm)\n/gm, '');
}

/** Everything in one file, for `kubectl apply`. */
export function installFile(objects: readonly Rendered[], version: string): ReleaseFile {
  const header = `# Image-credential-binding ${version} for all namespaces: the CRD of ImageCredentialBindings, and the controller in the
# namespace ${NAME}. These are the objects of the Helm chart with its default values, but without the
# admission webhook, because its certificates need a hook of Helm. For other values, use the chart.
#
# Requires Kubernetes 1.30 or later, and secureCodeBox. To install, or to upgrade from an earlier version of this file:
#
#   kubectl apply --server-side --filename install.yaml
#
# Before you delete these objects, stop the controller and unbind all ScheduledScans. Otherwise, ScheduledScans still refer to
# Secrets that nothing renews, and copies of credentials remain in the cluster. The last command also deletes the CRD, and with
# it all ImageCredentialBindings.
#
#   kubectl scale deployment ${NAME} --namespace ${NAME} --replicas 0
#   kubectl icb unbind --all-namespaces
#   kubectl delete --filename install.yaml
`;
  const documents = [NAMESPACE, ...objects.map(({ text }) => text)];
  return { path: 'install.yaml', content: header + documents.map((text) => `---\n${text}`).join('') };
}

const KUSTOMIZATION = `# The objects of install.yaml, as a base. Name this folder in the resources of your kustomization.
#
# The namespace is also written in the controller's arguments, which a change of the namespace in an overlay does not reach. For
# another namespace, use the Helm chart.
#
# Before you delete these objects, stop the controller and unbind all ScheduledScans:
#
#   kubectl scale deployment ${NAME} --namespace ${NAME} --replicas 0
#   kubectl icb unbind --all-namespaces
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
`;

const COMPONENT = `# Lets kustomize replace the names of Secrets in spec.imagePullSecrets of ImageCredentialBindings. So a binding keeps the name
# of a Secret that your kustomization generates, with the hash that kustomize appends, or whose name gets a prefix.
#
# The base contains this component. Name it in the components of a kustomization that contains only bindings.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configurations:
  - name-reference.yaml
`;

const NAME_REFERENCE = `nameReference:
  - kind: Secret
    version: v1
    fieldSpecs:
      - group: credentials.securecodebox.io
        kind: ImageCredentialBinding
        path: spec/imagePullSecrets/name
`;

/** The kustomize base as a folder, and packed, because a release on GitHub has no folders. */
export async function kustomizeFiles(
  objects: readonly Rendered[],
  version: string,
): Promise<readonly ReleaseFile[]> {
  const resources = new Map([['namespace.yaml', [NAMESPACE]]]);
  for (const { source, text } of objects) resources.set(source, [...(resources.get(source) ?? []), text]);
  const list = Array.from(resources.keys(), (name) => `  - resources/${name}\n`).join('');
  const files = [
    {
      path: 'kustomize/kustomization.yaml',
      content: `${KUSTOMIZATION}${list}components:\n  - name-reference\n`,
    },
    { path: 'kustomize/name-reference/kustomization.yaml', content: COMPONENT },
    { path: 'kustomize/name-reference/name-reference.yaml', content: NAME_REFERENCE },
    ...Array.from(resources, ([name, texts]) => ({
      path: `kustomize/resources/${name}`,
      content: texts.join('---\n'),
    })),
  ];
  return [{ path: `${NAME}-kustomize-${version}.tar.gz`, content: await packed(files) }, ...files];
}

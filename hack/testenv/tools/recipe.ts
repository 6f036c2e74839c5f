/** The sources of the tools of tests and demos: one Go module per folder, pinned by its go.mod and go.sum. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Source {
  /** Folder next to this file that contains go.mod and go.sum. */
  readonly folder: string;
  /** The program's Go package. */
  readonly program: string;
  /** The module whose version in go.mod is the version of the tool. */
  readonly module: string;
  /** Duration of a first build on two cores including downloads, in seconds. */
  readonly seconds: number;
  /** Environment variables of the build. */
  readonly env?: Readonly<Record<string, string>>;
  /** The string variable of the program that the build sets to the version. */
  readonly versionVariable?: string;
  /** Build tag that excludes unneeded parts. */
  readonly tag?: string;
}

const kubernetes = {
  folder: 'kubernetes',
  module: 'k8s.io/kubernetes',
  versionVariable: 'k8s.io/component-base/version.gitVersion',
};

const kubelet = { ...kubernetes, folder: 'kubelet' };

const containerd = {
  folder: 'containerd',
  module: 'github.com/containerd/containerd/v2',
  versionVariable: 'github.com/containerd/containerd/v2/version.Version',
  // Excludes snapshotters that need C libraries.
  tag: 'no_btrfs,no_devmapper,no_zfs',
};

const cni = { folder: 'cni', module: 'github.com/containernetworking/plugins' };

const runc = { folder: 'runc', module: 'github.com/opencontainers/runc' };

/** The programs of a node. They run on Linux only. */
const nodeSources = {
  kubelet: { ...kubelet, program: 'k8s.io/kubernetes/cmd/kubelet', seconds: 120 },
  'kube-scheduler': { ...kubelet, program: 'k8s.io/kubernetes/cmd/kube-scheduler', seconds: 40 },
  containerd: {
    ...containerd,
    program: 'github.com/containerd/containerd/v2/cmd/containerd',
    seconds: 110,
  },
  'containerd-shim-runc-v2': {
    ...containerd,
    program: 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
    seconds: 10,
  },
  ctr: { ...containerd, program: 'github.com/containerd/containerd/v2/cmd/ctr', seconds: 10 },
  // Its C code enters the namespaces of a container.
  runc: {
    ...runc,
    program: 'github.com/opencontainers/runc',
    versionVariable: 'main.version',
    seconds: 20,
    env: { CGO_ENABLED: '1' },
  },
  // These two use only the standard library. Their version is that of the other program in the folder.
  'without-seccomp': { ...runc, program: './without-seccomp', seconds: 5 },
  workload: { ...runc, program: './workload', seconds: 5 },
  bridge: { ...cni, program: 'github.com/containernetworking/plugins/plugins/main/bridge', seconds: 10 },
  loopback: { ...cni, program: 'github.com/containernetworking/plugins/plugins/main/loopback', seconds: 5 },
  'host-local': {
    ...cni,
    program: 'github.com/containernetworking/plugins/plugins/ipam/host-local',
    seconds: 5,
  },
} as const satisfies Record<string, Source>;

const sources = {
  ...nodeSources,
  actionlint: {
    folder: 'actionlint',
    program: 'github.com/rhysd/actionlint/cmd/actionlint',
    module: 'github.com/rhysd/actionlint',
    seconds: 10,
  },
  etcd: {
    folder: 'etcd',
    program: 'go.etcd.io/etcd/server/v3',
    module: 'go.etcd.io/etcd/server/v3',
    seconds: 75,
  },
  'kube-apiserver': { ...kubernetes, program: 'k8s.io/kubernetes/cmd/kube-apiserver', seconds: 300 },
  'kube-controller-manager': {
    ...kubernetes,
    program: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    seconds: 120,
  },
  kubectl: { ...kubernetes, program: 'k8s.io/kubernetes/cmd/kubectl', seconds: 30 },
  'keyring-oracle': {
    folder: 'kubelet',
    program: './keyring-oracle',
    module: 'k8s.io/kubernetes',
    seconds: 35,
  },
  'go-oracle': {
    folder: 'oracle',
    program: './go-oracle',
    module: 'github.com/robfig/cron',
    seconds: 10,
  },
  // What Argo CD, Flux and External Secrets make of objects.
  'add-on-oracle': {
    folder: 'add-ons',
    program: './add-on-oracle',
    module: 'github.com/yuin/gopher-lua',
    seconds: 60,
  },
  registry: {
    folder: 'registry',
    program: 'github.com/distribution/distribution/v3/cmd/registry',
    module: 'github.com/distribution/distribution/v3',
    seconds: 60,
  },
  htpasswd: { folder: 'registry', program: './htpasswd', module: 'golang.org/x/crypto', seconds: 5 },
  // This program uses only the standard library. Its version is that of the other programs in the folder.
  certificate: { folder: 'registry', program: './certificate', module: 'golang.org/x/crypto', seconds: 5 },
  crane: {
    folder: 'crane',
    program: 'github.com/google/go-containerregistry/cmd/crane',
    module: 'github.com/google/go-containerregistry',
    seconds: 30,
  },
  'dashboard-check': {
    folder: 'grafana',
    program: './dashboard-check',
    module: 'github.com/grafana/grafana-foundation-sdk/go',
    seconds: 20,
  },
  promtool: {
    folder: 'promtool',
    program: 'github.com/prometheus/prometheus/cmd/promtool',
    module: 'github.com/prometheus/prometheus',
    seconds: 120,
    // Excludes the clients of all clouds.
    tag: 'remove_all_sd',
  },
  helm: { folder: 'helm', program: 'helm.sh/helm/v3/cmd/helm', module: 'helm.sh/helm/v3', seconds: 60 },
  'helm-docs': {
    folder: 'helm-docs',
    program: 'github.com/norwoodj/helm-docs/cmd/helm-docs',
    module: 'github.com/norwoodj/helm-docs',
    seconds: 20,
  },
  trivy: {
    folder: 'trivy',
    program: 'github.com/aquasecurity/trivy/cmd/trivy',
    module: 'github.com/aquasecurity/trivy',
    seconds: 470,
    env: { GOEXPERIMENT: 'jsonv2' },
  },
  // Which cloud's credentials Trivy uses for a host.
  'cloud-oracle': {
    folder: 'trivy',
    program: './cloud-oracle',
    module: 'github.com/aquasecurity/trivy',
    seconds: 60,
    env: { GOEXPERIMENT: 'jsonv2' },
  },
} as const satisfies Record<string, Source>;

/** A program that tests and demos run. */
export type ToolName = keyof typeof sources;

/** The names of all tools. */
export const toolNames = Object.keys(sources) as readonly ToolName[];

/** The tools that only a node needs. */
export const nodeToolNames = Object.keys(nodeSources) as readonly (keyof typeof nodeSources)[];

/** Whether there is a tool of this name. */
export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(sources, name);
}

/** How to build one tool on this machine. */
export interface Recipe {
  readonly name: ToolName;
  /** As in go.mod, with its `v`. */
  readonly version: string;
  /** Folder of go.mod. */
  readonly directory: string;
  /** The lowest version of Go that builds it, for example `1.26.0`. */
  readonly goVersion: string;
  /** Arguments of `go build`, without `-o` and the output file. */
  readonly args: readonly string[];
  /** Environment variables of the build. They take precedence over those of the user. */
  readonly env: Readonly<Record<string, string>>;
  /** Estimated duration in seconds. */
  readonly seconds: number;
  /** Identifies the built program: name, version and a hash of all inputs of the build. */
  readonly key: string;
}

const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Reads how to build a tool. */
export async function recipe(name: ToolName): Promise<Recipe> {
  const source: Source = sources[name];
  const directory = join(import.meta.dirname, source.folder);
  const goMod = await readFile(join(directory, 'go.mod'), 'utf8');
  const version = requiredVersion(goMod, source.module);
  const variable = source.versionVariable;
  const ldflags = variable === undefined ? '-s -w' : `-s -w -X ${variable}=${version}`;
  const env = {
    CGO_ENABLED: '0',
    GOOS: process.platform,
    GOARCH: goArchitectures[process.arch] ?? process.arch,
    // Must not be empty, because Go would then use the value that `go env -w` has stored.
    GOFLAGS: '-mod=readonly',
    GOWORK: 'off',
    ...source.env,
  };
  const tags = source.tag === undefined ? [] : ['-tags', source.tag];
  const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', ...tags, '-ldflags', ldflags];
  const hash = createHash('sha256').update(JSON.stringify([name, args, env]));
  for (const file of await inputs(directory, source.program)) hash.update(await readFile(file));
  return {
    name,
    version,
    directory,
    goVersion: requiredGo(goMod),
    args: [...args, source.program],
    env,
    seconds: source.seconds,
    key: `${name}-${version}-${hash.digest('hex').slice(0, 16)}`,
  };
}

/** The version that a go.mod requires of a module. */
export function requiredVersion(goMod: string, module: string): string {
  for (const line of goMod.split('\n')) {
    const [path, version] = line
      .trim()
      .replace(/^require /, '')
      .split(/\s+/);
    if (path === module && version !== undefined && version.startsWith('v')) return version;
  }
  throw new Error(`go.mod does not require ${module}`);
}

/** The version of Go that a go.mod requires. */
export function requiredGo(goMod: string): string {
  const version = /^go (\S+)$/m.exec(goMod)?.[1];
  if (version === undefined) throw new Error('go.mod has no line "go VERSION"');
  return version;
}

/** The input files of a build: go.mod, go.sum, and the source of a program in this repository. */
async function inputs(directory: string, program: string): Promise<readonly string[]> {
  const pins = [join(directory, 'go.mod'), join(directory, 'go.sum')];
  if (!program.startsWith('./')) return pins;
  const files = await readdir(join(directory, program));
  return [...pins, ...files.sort().map((file) => join(directory, program, file))];
}

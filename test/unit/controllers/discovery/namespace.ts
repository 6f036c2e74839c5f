import assert from 'node:assert/strict';
import { decide } from '../../../../src/controllers/discovery/decide.ts';
import type { BindingWrite, NamespaceDecision } from '../../../../src/controllers/discovery/decision.ts';
import type { MissingSince } from '../../../../src/controllers/discovery/grace-periods.ts';
import type {
  DiscoveredBinding,
  UserCreatedBinding,
} from '../../../../src/controllers/discovery/observed.ts';
import { Interned } from '../../../../src/pod/interned.ts';
import { type Pod, readPod } from '../../../../src/pod/pod.ts';
import type { RawPod } from '../../../../src/pod/raw-pod.ts';
import type { PodUse } from '../../../../src/pod/use.ts';

export const HOUR = 3_600_000;
export const GRACE = 24 * HOUR;

/** A short description of a pod. */
export interface PodShape {
  readonly name?: string;
  /** `Deployment/web`, `CronJob/report`, `Workflow/build`, …; undefined: the pod has no owner. */
  readonly workload?: string | undefined;
  /** Hash of the pod template. */
  readonly hash?: string;
  /** Image of the container `app`. `images` are those of the other containers by name. */
  readonly image: string;
  readonly images?: Readonly<Record<string, string>>;
  /** Images of the ephemeral containers by name. */
  readonly ephemeral?: Readonly<Record<string, string>>;
  readonly imageID?: string;
  readonly secrets?: readonly string[];
  readonly phase?: string;
  /** Creation time, in seconds since the epoch. */
  readonly at?: number;
  readonly marked?: string;
}

let version = 0;

/** The pod as the API server would send it. */
export function rawPod(shape: PodShape): RawPod {
  const {
    name = 'pod',
    image,
    images = {},
    ephemeral = {},
    imageID,
    secrets = [],
    phase = 'Running',
    at = 0,
    marked,
  } = shape;
  version += 1;
  const containers = containersOf({ app: image, ...images });
  const ephemeralContainers = containersOf(ephemeral);
  return {
    metadata: {
      name,
      namespace: 'ns',
      uid: `uid-${name}`,
      resourceVersion: String(version),
      creationTimestamp: new Date(at * 1000).toISOString(),
      ...ownerOf(shape),
      ...(marked === undefined ? {} : { annotations: { 'credentials.securecodebox.io/binding': marked } }),
    },
    spec: { containers, ephemeralContainers, imagePullSecrets: secrets.map((secret) => ({ name: secret })) },
    status: { phase, ...(imageID === undefined ? {} : { containerStatuses: [{ name: 'app', imageID }] }) },
  };
}

function containersOf(images: Readonly<Record<string, string>>) {
  return Object.entries(images).map(([name, image]) => ({ name, image }));
}

function ownerOf({ workload, hash = 'abc' }: PodShape) {
  if (workload === undefined) return {};
  const [kind = '', name = ''] = workload.split('/');
  const owner = (ownerKind: string, ownerName: string) => ({
    ownerReferences: [{ apiVersion: 'v1', kind: ownerKind, name: ownerName, uid: 'u', controller: true }],
  });
  if (kind === 'Deployment')
    return { ...owner('ReplicaSet', `${name}-${hash}`), labels: { 'pod-template-hash': hash } };
  return kind === 'CronJob' ? owner('Job', `${name}-12345678`) : owner(kind, name);
}

/** Bindings and pods of one namespace without a cluster. It applies the decisions of discovery one write at a time. */
export class Namespace {
  readonly pods = new Map<string, Pod>();
  readonly bindings = new Map<string, DiscoveredBinding>();
  readonly userCreated: UserCreatedBinding[] = [];
  /** Repositories that scans name. */
  readonly scans = new Set<string>();
  /** Names of the bindings that are Ready; undefined: pods are not annotated. */
  ready: ReadonlySet<string> | undefined;
  now = Date.parse('2026-01-01T00:00:00Z');
  /** All writes in order, such as `create reg.example/app`. */
  readonly log: string[] = [];
  /** Called after each write. */
  onWrite: () => void = () => undefined;
  #missingSince: MissingSince = new Map();
  readonly #uses = new Interned<PodUse>();

  pod(shape: PodShape): this {
    const pod = readPod(rawPod({ at: Math.floor(this.now / 1000), ...shape }), this.#uses);
    this.pods.set(pod.name, pod);
    return this;
  }

  deletePods(...names: readonly string[]): this {
    for (const name of names) this.pods.delete(name);
    return this;
  }

  restart(): this {
    this.#missingSince = new Map();
    return this;
  }

  later(milliseconds: number): this {
    this.now += milliseconds;
    return this;
  }

  decide(): NamespaceDecision {
    const decision = decide({
      now: this.now,
      graceMs: GRACE,
      pods: [...this.pods.values()],
      discovered: [...this.bindings.values()],
      userCreated: this.userCreated,
      isScanned: (repository) => this.scans.has(repository),
      missingSince: this.#missingSince,
      readyBindings: this.ready,
    });
    this.#missingSince = decision.missingSince;
    return decision;
  }

  /** Decides and writes until a decision has no writes. */
  settle(): this {
    for (let round = 0; round < 5; round += 1) {
      const { writes } = this.decide();
      if (writes.length === 0) return this;
      for (const write of writes.flat()) this.#write(write);
    }
    return assert.fail(`expected no more writes after 5 rounds, found: ${this.log.join('\n')}`);
  }

  /** Repository → the binding as text: its pull secrets and previous repositories. */
  get summary(): Readonly<Record<string, string>> {
    const summaries = [...this.bindings.values()].map(({ repository = '?', imagePullSecrets, replaces }) => {
      const text = [...imagePullSecrets, ...replaces.map((image) => `replaces ${image}`)].join(' ');
      return [repository, text] as const;
    });
    return Object.fromEntries(summaries.sort());
  }

  binding(repository: string): DiscoveredBinding | undefined {
    return [...this.bindings.values()].find((binding) => binding.repository === repository);
  }

  addDiscovered(repository: string, more: Partial<DiscoveredBinding> = {}): this {
    this.#put({
      name: `own-${this.bindings.size}`,
      repository,
      imagePullSecrets: [],
      replaces: [],
      users: [],
      ...more,
    });
    return this;
  }

  #put(
    binding: Omit<DiscoveredBinding, 'namespace' | 'uid' | 'resourceVersion' | 'unusedSince'> &
      Partial<DiscoveredBinding>,
  ): void {
    version += 1;
    const meta = { namespace: 'ns', uid: `uid-${binding.name}`, resourceVersion: String(version) };
    this.bindings.set(binding.name, { unusedSince: undefined, ...binding, ...meta });
  }

  #write(write: BindingWrite): void {
    switch (write.action) {
      case 'Create':
        this.#put({ name: write.name, repository: write.repository, ...write.content });
        this.log.push(`create ${write.repository}`);
        break;
      case 'Update':
        this.#put({ ...write.binding, ...write.content });
        this.log.push(`update ${write.binding.repository}`);
        break;
      case 'Delete':
        this.bindings.delete(write.binding.name);
        this.log.push(`delete ${write.binding.repository}`);
    }
    this.onWrite();
  }
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GRACE, Namespace, type PodShape } from './namespace.ts';

const [A, B] = ['a.example/x', 'b.example/x'];
const REPOSITORIES = [A, B, 'c.example/x'];
const REPLICAS = 4;
const WORKLOADS = ['Deployment/web', 'Deployment/api', 'CronJob/report', 'Workflow/build', undefined];

/** One change: of a pod, of the scans, or a restart of the controller. */
type Step =
  | { readonly step: 'Pod'; readonly shape: PodShape & { readonly name: string } }
  | { readonly step: 'Gone'; readonly name: string }
  | { readonly step: 'Scan' | 'NoScan'; readonly repository: string }
  | { readonly step: 'Restart' };

const repository = fc.constantFrom(...REPOSITORIES);
const name = fc.constantFrom('p1', 'p2', 'p3', 'p4');
const shape = fc.record({
  name,
  workload: fc.constantFrom(...WORKLOADS),
  image: repository,
  secrets: fc.subarray(['s1', 's2']),
  phase: fc.constantFrom('Running', 'Pending', 'Succeeded'),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: shape.map((each) => ({ step: 'Pod' as const, shape: each })) },
  { weight: 3, arbitrary: name.map((each) => ({ step: 'Gone' as const, name: each })) },
  fc.record({ step: fc.constantFrom('Scan' as const, 'NoScan' as const), repository }),
  fc.constant({ step: 'Restart' as const }),
);

function take(namespace: Namespace, each: Step): void {
  namespace.later(1_000);
  if (each.step === 'Pod') namespace.pod(each.shape);
  else if (each.step === 'Gone') namespace.deletePods(each.name);
  else if (each.step === 'Scan') namespace.scans.add(each.repository);
  else if (each.step === 'NoScan') namespace.scans.delete(each.repository);
  else namespace.restart();
}

/** The expected final bindings without scans, computed only from the pods: repository → pull secrets. */
function model(namespace: Namespace): Readonly<Record<string, readonly string[]>> {
  const pods = [...namespace.pods.values()].filter(({ use, createdAt }) => {
    const rivals = [...namespace.pods.values()].filter(
      (other) => other.use.templated && other.use.workload === use.workload,
    );
    const running = rivals.some((other) => !other.use.finished);
    const latest = Math.max(...rivals.map((other) => other.createdAt));
    return (
      !use.templated ||
      (running ? !use.finished : createdAt === latest) ||
      rivals.some(
        (rival) =>
          rival.use.containers[0]?.repository === use.containers[0]?.repository &&
          (running ? !rival.use.finished : rival.createdAt === latest),
      )
    );
  });
  const expected = REPOSITORIES.map((each) => {
    const users = pods.filter(({ use }) => use.containers[0]?.repository === each);
    return [each, [...new Set(users.flatMap(({ use }) => use.imagePullSecrets))].sort()] as const;
  });
  return Object.fromEntries(expected.filter(([, secrets]) => secrets.length > 0));
}

function secretsByRepository(namespace: Namespace): Readonly<Record<string, readonly string[]>> {
  const found = [...namespace.bindings.values()].map(
    ({ repository: each = '', imagePullSecrets }) => [each, imagePullSecrets.toSorted()] as const,
  );
  return Object.fromEntries(found.filter(([, secrets]) => secrets.length > 0).sort());
}

function assertNoCycle(namespace: Namespace): void {
  for (const { repository: start = '' } of namespace.bindings.values()) {
    let reached = namespace.binding(start)?.replaces ?? [];
    for (let round = 0; round < namespace.bindings.size; round += 1) {
      assert.ok(!reached.includes(start), JSON.stringify(namespace.summary));
      reached = reached.flatMap((each) => namespace.binding(each)?.replaces ?? []);
    }
  }
}

describe('discovery after random changes of pods and scans', () => {
  it('has the bindings that the last pods need, after the grace period', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.array(fc.boolean()), (steps, settles) => {
        const namespace = new Namespace();
        steps.forEach((each, index) => {
          take(namespace, each);
          if (settles[index] !== false) namespace.settle();
        });
        namespace.scans.clear();
        for (let round = 0; round < 3; round += 1) namespace.settle().later(GRACE).settle();
        assert.deepEqual(secretsByRepository(namespace), model(namespace));
      }),
    );
  });

  it('never creates a cycle, and writes nothing more once it has settled', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const namespace = new Namespace();
        namespace.onWrite = () => assertNoCycle(namespace);
        for (const each of steps) {
          take(namespace, each);
          namespace.settle();
          const writes = namespace.log.length;
          namespace.settle().restart().settle();
          assert.equal(namespace.log.length, writes);
        }
      }),
    );
  });
});

describe('a rollout to another repository', () => {
  it('creates one binding, updates each at most once and deletes one, in whatever order pods start and end', () => {
    const pods = Array.from({ length: REPLICAS }, (_, index) => index);
    const orders = fc.shuffledSubarray(pods, { minLength: REPLICAS });
    const choices = fc.array(fc.constantFrom('Drain', 'End', 'Begin'), { minLength: 20 });
    fc.assert(
      fc.property(orders, choices, fc.boolean(), (order, chosen, scanned) => {
        const rollout = new Rollout(order, scanned);
        for (let index = 0; rollout.isUnderWay; index += 1) rollout.take(chosen[index % chosen.length] ?? '');
        const { writes, namespace } = rollout;
        const count = (write: string) => writes.filter((each) => each === write).length;
        assert.deepEqual([count(`create ${B}`), count(`delete ${A}`)], [1, 1], writes.join());
        assert.ok(count(`update ${B}`) <= (scanned ? 0 : 1), writes.join());
        assert.equal(count(`update ${A}`) + count(`create ${A}`) + count(`delete ${B}`), 0, writes.join());
        assert.deepEqual(namespace.summary, { [B]: scanned ? `pull replaces ${A}` : 'pull' });
      }),
    );
  });
});

/** A Deployment that migrates from A to B in steps that the test chooses. */
class Rollout {
  readonly namespace = new Namespace();
  readonly #coming: number[];
  readonly #going: number[];
  readonly #writesBefore: number;

  constructor(order: readonly number[], scanned: boolean) {
    this.#coming = [...order];
    this.#going = order.toSorted();
    for (const index of order) this.#pod(`old-${index}`, A, 'one');
    this.namespace.settle().later(1_000);
    this.#writesBefore = this.namespace.log.length;
    if (scanned) this.namespace.scans.add(A);
  }

  get isUnderWay(): boolean {
    return this.#coming.length + this.#going.length > 0;
  }

  get writes(): readonly string[] {
    return this.namespace.log.slice(this.#writesBefore);
  }

  /** `Drain`: an old pod is recreated after new ones, as when its node is drained. */
  take(chosen: string): void {
    const begun = this.#coming.length < REPLICAS;
    if (chosen === 'Drain' && begun && this.#going.length > 0) this.#pod(`old-${this.#going[0]}`, A, 'one');
    else if ((chosen === 'End' && this.#going.length > 0) || this.#coming.length === 0)
      this.namespace.deletePods(`old-${this.#going.shift()}`);
    else this.#pod(`new-${this.#coming.shift()}`, B, 'two');
    this.namespace.later(1_000).settle();
  }

  #pod(podName: string, image: string, hash: string): void {
    this.namespace.pod({ workload: 'Deployment/web', secrets: ['pull'], name: podName, image, hash });
  }
}

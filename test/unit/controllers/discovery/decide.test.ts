import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GRACE, HOUR, Namespace } from './namespace.ts';

const A = 'ecr.example/shop/app';
const B = 'gar.example/shop/app';
const C = 'acr.example/shop/app';
const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const web = { workload: 'Deployment/web', secrets: ['pull'] } as const;
const old = { ...web, name: 'old', image: `${A}:1`, hash: 'one', at: 100 };
const young = { ...web, name: 'young', image: `${B}:1`, hash: 'two', at: 200 };

describe('discovered bindings', () => {
  it('exist for each repository that pods with pull secrets use, including ephemeral containers', () => {
    const namespace = new Namespace();
    const ephemeral = { debug: `${B}:1` };
    namespace.pod({
      ...{ ...web, ephemeral, name: 'a', image: `${A}:1` },
      images: { second: `${A}:2`, third: 'redis' },
    });
    namespace.pod({ workload: 'Deployment/public', name: 'b', image: 'nginx' });
    const expected = { [A]: 'pull', [B]: 'pull', 'docker.io/library/redis': 'pull' };
    assert.deepEqual(namespace.settle().summary, expected);
    assert.deepEqual(namespace.binding(A)?.users, ['Deployment/web/app', 'Deployment/web/second']);
    assert.match(namespace.binding(A)?.name ?? '', /^shop-app-[0-9a-f]{8}$/);
  });

  it('name the union of the pull secrets of all pods, at most 16, in a stable order', () => {
    const namespace = new Namespace();
    namespace.pod({ name: 'z', workload: 'Deployment/b', image: A, secrets: ['two', 'three'] });
    namespace.pod({ name: 'a', workload: 'Deployment/a', image: A, secrets: ['one', 'two'] });
    assert.deepEqual(namespace.settle().summary, { [A]: 'one two three' });
    const many = Array.from({ length: 20 }, (_, index) => `s${index}`);
    namespace.pod({ name: 'c', workload: 'Deployment/c', image: A, secrets: many }).settle();
    assert.equal(namespace.binding(A)?.imagePullSecrets.length, 16);
    const [problem] = namespace.decide().problems;
    assert.match(
      problem?.note ?? '',
      /^Pods name 23 pull secrets, but a binding accepts at most 16\. Left out: s13, s14, s15 and 4 more\. Name fewer/,
    );
  });

  it('are computed within seconds even if a pod names 100,000 pull secrets', () => {
    const secrets = Array.from({ length: 100_000 }, (_, index) => `s${index}`);
    const namespace = new Namespace().pod({ ...old, secrets, images: { second: A } });
    const begun = performance.now();
    assert.equal(namespace.settle().binding(A)?.imagePullSecrets.length, 16);
    assert.ok(performance.now() - begun < 10_000);
  });

  it('follow the pull secrets of the pods', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.pod({ ...old, secrets: ['new'] }).settle();
    assert.deepEqual(namespace.summary, { [A]: 'new' });
  });

  it('are not written during a rollout of another version, even if all old pods end first', () => {
    const namespace = new Namespace().pod(old).settle();
    const writes = namespace.log.length;
    namespace.pod({ ...old, name: 'next', image: `${A}@${digest('1')}`, hash: 'two' }).settle();
    namespace.deletePods('old').settle().deletePods('next').settle().later(60_000).settle();
    namespace.pod({ ...old, name: 'third', image: `${A}:3`, hash: 'three' }).settle();
    assert.equal(namespace.log.length, writes);
  });

  it('keep the pull secrets of a CronJob between its runs', () => {
    const namespace = new Namespace().pod(old);
    namespace.pod({ name: 'run', workload: 'CronJob/report', image: A, secrets: ['cron'] }).settle();
    const writes = namespace.log.length;
    for (let run = 0; run < 3; run += 1) {
      namespace
        .deletePods('run')
        .settle()
        .later(12 * HOUR)
        .settle();
      namespace.pod({ name: 'run', workload: 'CronJob/report', image: A, secrets: ['cron'] }).settle();
    }
    assert.equal(namespace.log.length, writes);
    namespace.deletePods('run').settle().later(GRACE).settle();
    assert.deepEqual(namespace.summary, { [A]: 'pull' });
    assert.deepEqual(namespace.binding(A)?.users, ['Deployment/web/app']);
  });

  it('list their users in a stable order, whichever pod was created first', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.pod({ ...old, name: 'api', workload: 'Deployment/api' }).settle();
    assert.deepEqual(namespace.binding(A)?.users, ['Deployment/api/app', 'Deployment/web/app']);
  });

  it('are not written for every pod of owners with generated names', () => {
    const namespace = new Namespace();
    for (let run = 0; run < 50; run += 1) {
      namespace.pod({ name: 'run', workload: `TaskRun/build-${run}`, image: A, secrets: ['pull'] }).settle();
      namespace.deletePods('run').settle();
      namespace
        .pod({ name: `bare-${run}`, image: A, secrets: ['pull'] })
        .settle()
        .deletePods(`bare-${run}`);
    }
    assert.equal(namespace.binding(A)?.users.length, 20);
    assert.ok(namespace.log.length <= 21, namespace.log.join());
  });

  it('requeue the namespace at the earliest of several times', () => {
    const namespace = new Namespace().pod(old).settle().deletePods('old').settle();
    namespace
      .later(HOUR)
      .pod({ ...young, workload: 'Deployment/api' })
      .settle();
    namespace.deletePods('young').settle();
    const minutes = (namespace.decide().requeueAfterMs ?? 0) / 60_000;
    assert.equal(minutes, 5);
    namespace.later(HOUR).settle();
    assert.equal(namespace.decide().requeueAfterMs, GRACE - 2 * HOUR);
  });
});

describe('an unused discovered binding', () => {
  it('is deleted after the grace period, which a restart does not shorten', () => {
    const namespace = new Namespace().pod(old).settle().deletePods('old').settle();
    namespace.later(HOUR).settle();
    assert.equal(namespace.binding(A)?.unusedSince, namespace.now - HOUR);
    namespace
      .restart()
      .later(GRACE - HOUR - 1)
      .settle();
    assert.equal(namespace.decide().requeueAfterMs, 1);
    assert.equal(namespace.bindings.size, 1);
    namespace.later(1).settle();
    assert.deepEqual(namespace.summary, {});
  });

  it('is deleted after the grace period even if its annotation has a future time', () => {
    const namespace = new Namespace();
    namespace.addDiscovered(A, { unusedSince: namespace.now + 1_000 * GRACE }).settle();
    assert.deepEqual(namespace.log, [`update ${A}`]);
    assert.equal(namespace.binding(A)?.unusedSince, namespace.now);
    namespace.later(GRACE - 1).settle();
    assert.equal(namespace.bindings.size, 1);
    namespace.later(1).settle();
    assert.deepEqual(namespace.log, [`update ${A}`, `delete ${A}`]);
  });

  it('is not deleted because of a restart', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.deletePods('old').restart().settle();
    assert.deepEqual(namespace.summary, { [A]: 'pull' });
  });

  it('is kept if a pod uses it again', () => {
    const namespace = new Namespace().pod(old).settle().deletePods('old').settle().later(HOUR).settle();
    namespace.pod(old).settle();
    assert.equal(namespace.binding(A)?.unusedSince, undefined);
    assert.deepEqual(namespace.later(GRACE).settle().summary, { [A]: 'pull' });
  });

  it('has no pods, not even pods that are pending or have succeeded', () => {
    for (const phase of ['Pending', 'Succeeded', 'Unknown']) {
      const namespace = new Namespace()
        .pod({ ...old, phase })
        .settle()
        .later(2 * GRACE)
        .settle();
      assert.equal(namespace.binding(A)?.unusedSince, undefined, phase);
    }
  });

  it('keeps a previous repository while a scan names it, even if the binding lists no users', () => {
    const namespace = new Namespace().addDiscovered(B, { replaces: [A, C] });
    namespace.scans.add(A);
    assert.deepEqual(namespace.settle().summary, { [B]: `replaces ${A}` });
  });

  it('is deleted even if it is a duplicate, or a user has changed its image', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace
      .addDiscovered(A, { name: 'z-copy' })
      .addDiscovered('?', { name: 'z-tagged', repository: undefined });
    namespace.settle().later(HOUR).settle().later(GRACE).settle();
    assert.deepEqual(
      [...namespace.bindings.values()].map(({ repository }) => repository),
      [A],
    );
  });
});

describe('a user-created binding', () => {
  it('replaces the discovered binding of its repository', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.userCreated.push({ name: 'mine', repository: A, replaces: [] });
    assert.deepEqual(namespace.settle().summary, {});
    namespace.userCreated.pop();
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull' });
  });

  it('prevents discovered bindings for its previous repositories, except if it matches only one version', () => {
    const namespace = new Namespace().pod(old);
    namespace.userCreated.push({ name: 'mine', repository: B, replaces: [A] });
    assert.deepEqual(namespace.settle().summary, {});
    namespace.userCreated[0] = { name: 'mine', repository: undefined, replaces: [] };
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull' });
  });

  it('may have the name that discovery would use', () => {
    const first = new Namespace().pod(old).settle().binding(A)?.name ?? '';
    const namespace = new Namespace().pod(old);
    namespace.userCreated.push({ name: first, repository: C, replaces: [] });
    assert.equal(namespace.settle().binding(A)?.name, `${first}-2`);
  });

  it('is considered when discovery avoids cycles', () => {
    const namespace = new Namespace().pod(old).pod(young);
    namespace.userCreated.push({ name: 'mine', repository: C, replaces: [B] });
    namespace.userCreated.push({ name: 'other', repository: A, replaces: [] });
    assert.deepEqual(namespace.settle().summary, {});
  });

  it('in a cycle with another one does not stop discovery', () => {
    const D = 'reg.example/shop/app';
    const namespace = new Namespace().pod(old).pod({ ...young, image: D });
    namespace.userCreated.push({ name: 'mine', repository: A, replaces: [C] });
    namespace.userCreated.push({ name: 'other', repository: C, replaces: [A] });
    assert.deepEqual(namespace.settle().summary, { [D]: `pull replaces ${A}` });
  });
});

const migrating = () => new Namespace().pod(old).settle().pod(young).settle();

describe('a workload that migrates to another repository', () => {
  it('makes the new binding replace the old one, which is deleted with the last old pod', () => {
    const namespace = migrating();
    namespace.scans.add(A);
    assert.deepEqual(namespace.summary, { [A]: 'pull', [B]: `pull replaces ${A}` });
    assert.deepEqual(namespace.deletePods('old').settle().summary, { [B]: `pull replaces ${A}` });
    namespace
      .restart()
      .later(2 * GRACE)
      .settle();
    assert.deepEqual(namespace.summary, { [B]: `pull replaces ${A}` });
    namespace.scans.delete(A);
    assert.deepEqual(namespace.settle().summary, { [B]: 'pull' });
  });

  it('keeps the old binding while another workload uses it', () => {
    const namespace = migrating()
      .pod({ ...old, name: 'other', workload: 'Deployment/other' })
      .settle();
    namespace.deletePods('old').settle();
    assert.deepEqual(Object.keys(namespace.summary), [A, B]);
    assert.deepEqual(namespace.binding(A)?.users, ['Deployment/other/app']);
  });

  it('is detected even if all old pods end before the first new one starts', () => {
    const namespace = new Namespace().pod(old).settle().deletePods('old').settle();
    namespace.scans.add(A);
    namespace.restart().pod(young).settle();
    assert.deepEqual(namespace.summary, { [B]: `pull replaces ${A}` });
  });

  it('is detected even if its old pods have succeeded and still exist, as with a CronJob', () => {
    const run = { workload: 'CronJob/report', secrets: ['pull'], phase: 'Succeeded' };
    const namespace = new Namespace().pod({ ...run, name: 'one', image: A, at: 100 }).settle();
    namespace.scans.add(A);
    namespace.pod({ ...run, name: 'two', image: B, at: 200 }).settle();
    assert.deepEqual(namespace.summary, { [B]: `pull replaces ${A}` });
    const public_ = new Namespace().pod({ ...run, name: 'one', image: A, at: 100, secrets: [] }).settle();
    public_.scans.add(A);
    public_.pod({ ...run, name: 'two', image: B, at: 200 }).settle();
    assert.deepEqual(public_.summary, { [B]: `pull replaces ${A}` });
  });

  it('gets a binding without pull secrets if the new image needs none', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.scans.add(A);
    namespace
      .pod({ ...young, secrets: [] })
      .settle()
      .deletePods('old')
      .settle();
    assert.deepEqual(namespace.summary, { [B]: `replaces ${A}` });
    namespace.scans.delete(A);
    namespace.settle().later(HOUR).settle().later(GRACE).settle();
    assert.deepEqual(namespace.summary, {});
  });

  it('gets no binding if neither image needs a pull secret', () => {
    const namespace = new Namespace().pod({ ...old, secrets: [] }).settle();
    namespace.scans.add(A);
    assert.deepEqual(namespace.pod({ ...young, secrets: [] }).settle().summary, {});
  });

  it('and then to a third one keeps the first previous repository', () => {
    const namespace = migrating();
    namespace.scans.add(A);
    namespace.deletePods('old').settle();
    namespace.pod({ ...web, name: 'third', image: C, hash: 'three', at: 300 }).settle();
    assert.deepEqual(namespace.deletePods('young').settle().summary, { [C]: `pull replaces ${A}` });
  });

  it('and back reverses the replacement without ever creating a cycle', () => {
    const namespace = migrating();
    namespace.scans.add(A);
    namespace.deletePods('old').settle();
    namespace.scans.delete(A);
    namespace.scans.add(B);
    namespace.pod({ ...old, name: 'back', at: 300 });
    namespace.onWrite = () => assertNoCycle(namespace);
    namespace.settle().deletePods('young').settle();
    assert.deepEqual(namespace.summary, { [A]: `pull replaces ${B}` });
  });

  it('and back reverses the replacement even if scans name both and another workload stays', () => {
    const namespace = migrating()
      .pod({ ...young, name: 'other', workload: 'Deployment/other' })
      .settle();
    for (const scan of [A, B]) namespace.scans.add(scan);
    namespace.deletePods('old').settle();
    namespace.onWrite = () => assertNoCycle(namespace);
    namespace
      .pod({ ...old, name: 'back', at: 300 })
      .settle()
      .deletePods('young')
      .settle();
    assert.deepEqual(namespace.summary, { [A]: `pull replaces ${B}`, [B]: 'pull' });
  });

  it('while another one migrates in the opposite direction creates no cycle', () => {
    const api = { workload: 'Deployment/api' };
    const namespace = new Namespace().pod(old).pod({ ...young, ...api, name: 'api-old', at: 100 });
    for (const scan of [A, B]) namespace.scans.add(scan);
    namespace.settle();
    namespace.onWrite = () => assertNoCycle(namespace);
    namespace
      .pod(young)
      .pod({ ...old, ...api, name: 'api-new', at: 200 })
      .settle();
    assert.deepEqual(namespace.summary, { [A]: `pull replaces ${B}`, [B]: 'pull' });
  });

  it('and is rolled back midway keeps only the old binding', () => {
    const namespace = migrating()
      .pod({ ...old, name: 'again', at: 300 })
      .settle();
    assert.deepEqual(namespace.summary, { [A]: 'pull', [B]: `pull replaces ${A}` });
    assert.deepEqual(namespace.deletePods('young').settle().summary, { [A]: 'pull' });
  });
});

describe('a migration to another repository', () => {
  it('is written to the new binding before the old one is deleted', () => {
    const namespace = new Namespace().pod(old).settle().deletePods('old').settle().pod(young);
    namespace.scans.add(A);
    assert.deepEqual(namespace.settle().log, [`create ${A}`, `create ${B}`, `delete ${A}`]);
  });

  it('that affects no scan is not recorded', () => {
    const namespace = new Namespace().pod(old).settle().deletePods('old').settle().pod(young).settle();
    assert.deepEqual(namespace.log, [`create ${A}`, `create ${B}`, `delete ${A}`]);
    assert.deepEqual(namespace.summary, { [B]: 'pull' });
  });

  it('is recorded if either image needs a pull secret', () => {
    const bare = { secrets: [] };
    const cases = [
      [new Namespace().pod({ ...old, ...bare }).pod(young), { [B]: `pull replaces ${A}` }],
      [new Namespace().pod(old).pod({ ...young, ...bare }), { [A]: 'pull', [B]: `replaces ${A}` }],
      [
        new Namespace()
          .pod(old)
          .settle()
          .deletePods('old')
          .settle()
          .pod({ ...young, ...bare }),
        { [B]: `replaces ${A}` },
      ],
    ] as const;
    for (const [namespace, expected] of cases) {
      namespace.scans.add(A);
      assert.equal(
        namespace.decide().writes.flat().length,
        Object.keys(expected).length + (namespace.bindings.size ? 1 : 0),
      );
      assert.deepEqual(namespace.settle().summary, expected);
    }
  });

  it('away from the image of a user-created binding is recorded, too', () => {
    const namespace = new Namespace().pod(old).pod({ ...young, secrets: [] });
    namespace.userCreated.push({ name: 'mine', repository: A, replaces: [] });
    namespace.scans.add(A);
    assert.deepEqual(namespace.settle().summary, { [B]: `replaces ${A}` });
  });

  it('of one workload continues until its last old pod ends, even if another workload is done', () => {
    const namespace = new Namespace().pod(old).pod({ ...old, name: 'api-old', workload: 'Deployment/api' });
    namespace
      .settle()
      .deletePods('old')
      .pod(young)
      .pod({ ...young, name: 'api-new', workload: 'Deployment/api' });
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull', [B]: `pull replaces ${A}` });
    assert.deepEqual(namespace.log, [`create ${A}`, `update ${A}`, `create ${B}`]);
  });

  it('leads to the repository of the newest pod, even if the pull secrets of the pods differ', () => {
    const namespace = new Namespace().pod({ ...old, at: 300 }).pod({ ...young, at: 400, name: 'b' });
    namespace.pod({ ...young, name: 'a', secrets: ['z'] });
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull', [B]: `pull z replaces ${A}` });
  });

  it('of more users than a binding lists keeps the old binding for the grace period', () => {
    const namespace = new Namespace();
    for (let index = 10; index < 31; index += 1)
      namespace.pod({ ...old, name: `old-${index}`, workload: `Deployment/web-${index}` });
    namespace.settle();
    for (let index = 10; index < 30; index += 1)
      namespace.pod({ ...young, name: `old-${index}`, workload: `Deployment/web-${index}` });
    namespace.deletePods('old-30').settle();
    assert.deepEqual(Object.keys(namespace.summary), [A, B]);
    namespace.later(HOUR).settle().later(GRACE).settle();
    assert.deepEqual(Object.keys(namespace.summary), [B]);
  });

  it('is only detected for the same container of the same owner', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.pod({ ...young, workload: 'Deployment/other' });
    namespace.pod({ name: 'step-1', workload: 'Workflow/build', image: A, secrets: ['pull'] });
    namespace.pod({ name: 'step-2', workload: 'Workflow/build', image: B, secrets: ['pull'], at: 900 });
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull', [B]: 'pull' });
  });

  it('is never detected for ephemeral containers', () => {
    const namespace = new Namespace();
    namespace
      .pod({ ...old, ephemeral: { debug: B } })
      .pod({ ...old, name: 'b', ephemeral: { debug: C }, at: 900 });
    for (const scan of [A, B, C]) namespace.scans.add(scan);
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull', [B]: 'pull', [C]: 'pull' });
    namespace.pod(old).settle();
    assert.deepEqual(namespace.summary, { [A]: 'pull', [B]: 'pull', [C]: 'pull' });
    namespace.later(HOUR).settle().later(GRACE).settle();
    assert.deepEqual(namespace.summary, { [A]: 'pull', [C]: 'pull' });
  });

  it('is not detected until one pod is newer than the others', () => {
    const namespace = new Namespace()
      .pod(old)
      .pod({ ...young, at: 100 })
      .settle();
    assert.deepEqual(namespace.summary, { [A]: 'pull', [B]: 'pull' });
    namespace.scans.add(A);
    assert.deepEqual(namespace.deletePods('old').settle().summary, { [B]: `pull replaces ${A}` });
  });
});

describe('another repository that the runtime reports for the same digest', () => {
  const mirrored = { ...web, name: 'a', image: `${A}:1`, imageID: `${B}@${digest('1')}` };

  it('is in spec.replaces while a scan names it', () => {
    const namespace = new Namespace().pod(mirrored).settle();
    assert.deepEqual(namespace.summary, { [A]: 'pull' });
    namespace.scans.add(B);
    assert.deepEqual(namespace.settle().summary, { [A]: `pull replaces ${B}` });
  });

  it('is not in spec.replaces if it has a user-created binding', () => {
    const namespace = new Namespace().pod(mirrored);
    namespace.userCreated.push({ name: 'mine', repository: B, replaces: [] });
    namespace.scans.add(B);
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull' });
  });

  it('is one of at most 16 in spec.replaces', () => {
    const namespace = new Namespace();
    for (let index = 10; index < 30; index += 1) {
      const imageID = `mirror-${index}.example/app@${digest('1')}`;
      namespace.pod({ ...mirrored, name: `web-${index}`, imageID }).scans.add(`mirror-${index}.example/app`);
    }
    const replaced = Array.from({ length: 16 }, (_, index) => `mirror-${index + 10}.example/app`);
    assert.deepEqual(namespace.settle().binding(A)?.replaces, replaced);
  });

  it('does not cause a binding for an image that needs no pull secret', () => {
    const namespace = new Namespace().pod({ ...mirrored, secrets: [] });
    namespace.scans.add(B);
    assert.deepEqual(namespace.settle().summary, {});
  });

  it('is not in spec.replaces if other pods name it', () => {
    const namespace = new Namespace().pod(mirrored).pod({ ...young, workload: 'Deployment/other' });
    namespace.scans.add(B);
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull', [B]: 'pull' });
  });
});

describe('a pod that discovery cannot use', () => {
  it('is reported once per pod template, and does not affect the bindings of other pods', () => {
    const namespace = new Namespace().pod(old);
    for (const name of ['b', 'a']) namespace.pod({ ...young, name, image: 'reg.example/UPPER' });
    assert.deepEqual(namespace.settle().summary, { [A]: 'pull' });
    const problems = namespace.decide().problems.map(({ about, reason, note }) => {
      return `${about.kind === 'Pod' ? about.pod.name : about.binding.name} ${reason} ${note}`;
    });
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^a NotDiscovered Discovery ignores part .*Write it in lower case/);
  });
});

describe('the annotations of pods', () => {
  it('name the binding once it is Ready, and are removed once the pod has no binding', () => {
    const namespace = new Namespace()
      .pod(old)
      .pod({ workload: 'Deployment/x', name: 'x', image: 'nginx' })
      .settle();
    const { name = '' } = namespace.binding(A) ?? {};
    const marks = () => namespace.decide().marks.map(({ pod, binding }) => `${pod.name} ${binding}`);
    assert.deepEqual(marks(), []);
    namespace.ready = new Set();
    assert.deepEqual(marks(), []);
    namespace.ready = new Set([name]);
    assert.deepEqual(marks(), [`old ${name}`]);
    namespace.pod({ ...old, marked: name });
    assert.deepEqual(marks(), []);
    namespace.ready = new Set();
    assert.deepEqual(marks(), []);
    namespace.userCreated.push({ name: 'mine', repository: A, replaces: [] });
    namespace.ready = new Set(['mine']);
    assert.deepEqual(marks(), ['old mine']);
    namespace.pod({ ...old, image: 'nginx', secrets: [], marked: name });
    assert.deepEqual(marks(), ['old undefined']);
  });

  it('are written after the last old pod of a migration, when autodiscovery deletes the old scan', () => {
    const namespace = new Namespace().pod(old).settle().pod(young).settle();
    const { name = '' } = namespace.binding(B) ?? {};
    namespace.ready = new Set([...namespace.bindings.keys()]);
    assert.deepEqual(namespace.decide().marks, []);
    namespace.deletePods('old').settle();
    assert.deepEqual(
      namespace.decide().marks.map(({ pod, binding }) => [pod.name, binding]),
      [['young', name]],
    );
  });
});

/** Follows spec.replaces from each binding. */
function assertNoCycle(namespace: Namespace): void {
  for (const { repository = '' } of namespace.bindings.values()) {
    let reached = namespace.binding(repository)?.replaces ?? [];
    for (let step = 0; step < namespace.bindings.size; step += 1) {
      assert.ok(!reached.includes(repository), JSON.stringify(namespace.summary));
      reached = reached.flatMap((each) => namespace.binding(each)?.replaces ?? []);
    }
  }
}

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

describe('bindings from pods', () => {
  it('are one for each repository that pods with pull secrets use, ephemeral containers included', () => {
    const namespace = new Namespace();
    const ephemeral = { debug: `${B}:1` };
    namespace.pod({
      ...{ ...web, ephemeral, name: 'a', image: `${A}:1` },
      images: { second: `${A}:2`, third: 'redis' },
    });
    namespace.pod({ workload: 'Deployment/public', name: 'b', image: 'nginx' });
    const expected = { [A]: 'pull', [B]: 'pull', 'docker.io/library/redis': 'pull' };
    assert.deepEqual(namespace.settle().shown, expected);
    assert.deepEqual(namespace.binding(A)?.users, ['Deployment/web/app', 'Deployment/web/second']);
    assert.match(namespace.binding(A)?.name ?? '', /^shop-app-[0-9a-f]{8}$/);
  });

  it('name the union of the pull secrets, at most 16, in an order of their own', () => {
    const namespace = new Namespace();
    namespace.pod({ name: 'z', workload: 'Deployment/b', image: A, secrets: ['two', 'three'] });
    namespace.pod({ name: 'a', workload: 'Deployment/a', image: A, secrets: ['one', 'two'] });
    assert.deepEqual(namespace.settle().shown, { [A]: 'one two three' });
    const many = Array.from({ length: 20 }, (_, index) => `s${index}`);
    namespace.pod({ name: 'c', workload: 'Deployment/c', image: A, secrets: many }).settle();
    assert.equal(namespace.binding(A)?.imagePullSecrets.length, 16);
    const [problem] = namespace.decide().problems;
    assert.match(
      problem?.note ?? '',
      /^Pods name 23 pull secrets, but a binding accepts at most 16\. Left out: s13, s14, s15 and 4 more\. Name fewer/,
    );
  });

  it('are decided on at once, also where a pod names a hundred thousand pull secrets', () => {
    const secrets = Array.from({ length: 100_000 }, (_, index) => `s${index}`);
    const namespace = new Namespace().pod({ ...old, secrets, images: { second: A } });
    const begun = performance.now();
    assert.equal(namespace.settle().binding(A)?.imagePullSecrets.length, 16);
    assert.ok(performance.now() - begun < 10_000);
  });

  it('follow the pull secrets of the pods', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.pod({ ...old, secrets: ['new'] }).settle();
    assert.deepEqual(namespace.shown, { [A]: 'new' });
  });

  it('are not written in a rollout of another version, nor when all pods end before the next begin', () => {
    const namespace = new Namespace().pod(old).settle();
    const writes = namespace.log.length;
    namespace.pod({ ...old, name: 'next', image: `${A}@${digest('1')}`, hash: 'two' }).settle();
    namespace.gone('old').settle().gone('next').settle().later(60_000).settle();
    namespace.pod({ ...old, name: 'third', image: `${A}:3`, hash: 'three' }).settle();
    assert.equal(namespace.log.length, writes);
  });

  it('keep what a CronJob needs between its runs', () => {
    const namespace = new Namespace().pod(old);
    namespace.pod({ name: 'run', workload: 'CronJob/report', image: A, secrets: ['cron'] }).settle();
    const writes = namespace.log.length;
    for (let run = 0; run < 3; run += 1) {
      namespace
        .gone('run')
        .settle()
        .later(12 * HOUR)
        .settle();
      namespace.pod({ name: 'run', workload: 'CronJob/report', image: A, secrets: ['cron'] }).settle();
    }
    assert.equal(namespace.log.length, writes);
    namespace.gone('run').settle().later(GRACE).settle();
    assert.deepEqual(namespace.shown, { [A]: 'pull' });
    assert.deepEqual(namespace.binding(A)?.users, ['Deployment/web/app']);
  });

  it('list their users in one order, whoever came first', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.pod({ ...old, name: 'api', workload: 'Deployment/api' }).settle();
    assert.deepEqual(namespace.binding(A)?.users, ['Deployment/api/app', 'Deployment/web/app']);
  });

  it('do not come and go with pods whose names are made up for each run', () => {
    const namespace = new Namespace();
    for (let run = 0; run < 50; run += 1) {
      namespace.pod({ name: 'run', workload: `TaskRun/build-${run}`, image: A, secrets: ['pull'] }).settle();
      namespace.gone('run').settle();
      namespace
        .pod({ name: `bare-${run}`, image: A, secrets: ['pull'] })
        .settle()
        .gone(`bare-${run}`);
    }
    assert.equal(namespace.binding(A)?.users.length, 20);
    assert.ok(namespace.log.length <= 21, namespace.log.join());
  });

  it('are looked at again at the first of several times', () => {
    const namespace = new Namespace().pod(old).settle().gone('old').settle();
    namespace
      .later(HOUR)
      .pod({ ...young, workload: 'Deployment/api' })
      .settle();
    namespace.gone('young').settle();
    const minutes = (namespace.decide().requeueAfterMs ?? 0) / 60_000;
    assert.equal(minutes, 5);
    namespace.later(HOUR).settle();
    assert.equal(namespace.decide().requeueAfterMs, GRACE - 2 * HOUR);
  });
});

describe('a discovered binding that nothing uses', () => {
  it('is kept for the grace period, which a restart does not shorten, and then goes', () => {
    const namespace = new Namespace().pod(old).settle().gone('old').settle();
    namespace.later(HOUR).settle();
    assert.equal(namespace.binding(A)?.unusedSince, namespace.now - HOUR);
    namespace
      .restart()
      .later(GRACE - HOUR - 1)
      .settle();
    assert.equal(namespace.decide().requeueAfterMs, 1);
    assert.equal(namespace.bindings.size, 1);
    namespace.later(1).settle();
    assert.deepEqual(namespace.shown, {});
  });

  it('is deleted after the grace period even if its annotation has a future time', () => {
    const namespace = new Namespace();
    namespace.own(A, { unusedSince: namespace.now + 1_000 * GRACE }).settle();
    assert.deepEqual(namespace.log, [`update ${A}`]);
    assert.equal(namespace.binding(A)?.unusedSince, namespace.now);
    namespace.later(GRACE - 1).settle();
    assert.equal(namespace.bindings.size, 1);
    namespace.later(1).settle();
    assert.deepEqual(namespace.log, [`update ${A}`, `delete ${A}`]);
  });

  it('does not go by restarts alone', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.gone('old').restart().settle();
    assert.deepEqual(namespace.shown, { [A]: 'pull' });
  });

  it('stays when it is used again', () => {
    const namespace = new Namespace().pod(old).settle().gone('old').settle().later(HOUR).settle();
    namespace.pod(old).settle();
    assert.equal(namespace.binding(A)?.unusedSince, undefined);
    assert.deepEqual(namespace.later(GRACE).settle().shown, { [A]: 'pull' });
  });

  it('is not one whose pods are pending or have ended', () => {
    for (const phase of ['Pending', 'Succeeded', 'Unknown']) {
      const namespace = new Namespace()
        .pod({ ...old, phase })
        .settle()
        .later(2 * GRACE)
        .settle();
      assert.equal(namespace.binding(A)?.unusedSince, undefined, phase);
    }
  });

  it('keeps what it replaces while a scan names it, also where nobody is listed as its user', () => {
    const namespace = new Namespace().own(B, { replaces: [A, C] });
    namespace.scans.add(A);
    assert.deepEqual(namespace.settle().shown, { [B]: `replaces ${A}` });
  });

  it('goes, too, where there are two for a repository, or a person has made it into another', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.own(A, { name: 'z-copy' }).own('?', { name: 'z-tagged', repository: undefined });
    namespace.settle().later(HOUR).settle().later(GRACE).settle();
    assert.deepEqual(
      [...namespace.bindings.values()].map(({ repository }) => repository),
      [A],
    );
  });
});

describe('what a person has written', () => {
  it('stops discovery from making a binding, and takes the place of one that it has made', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.userCreated.push({ name: 'mine', repository: A, replaces: [] });
    assert.deepEqual(namespace.settle().shown, {});
    namespace.userCreated.pop();
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull' });
  });

  it('counts for what it replaces, and for a single version not', () => {
    const namespace = new Namespace().pod(old);
    namespace.userCreated.push({ name: 'mine', repository: B, replaces: [A] });
    assert.deepEqual(namespace.settle().shown, {});
    namespace.userCreated[0] = { name: 'mine', repository: undefined, replaces: [] };
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull' });
  });

  it('may have the name that discovery would choose', () => {
    const first = new Namespace().pod(old).settle().binding(A)?.name ?? '';
    const namespace = new Namespace().pod(old);
    namespace.userCreated.push({ name: first, repository: C, replaces: [] });
    assert.equal(namespace.settle().binding(A)?.name, `${first}-2`);
  });

  it('is taken into account so that no circle comes about', () => {
    const namespace = new Namespace().pod(old).pod(young);
    namespace.userCreated.push({ name: 'mine', repository: C, replaces: [B] });
    namespace.userCreated.push({ name: 'other', repository: A, replaces: [] });
    assert.deepEqual(namespace.settle().shown, {});
  });

  it('holds discovery up by no circle of its own', () => {
    const D = 'reg.example/shop/app';
    const namespace = new Namespace().pod(old).pod({ ...young, image: D });
    namespace.userCreated.push({ name: 'mine', repository: A, replaces: [C] });
    namespace.userCreated.push({ name: 'other', repository: C, replaces: [A] });
    assert.deepEqual(namespace.settle().shown, { [D]: `pull replaces ${A}` });
  });
});

const moved = () => new Namespace().pod(old).settle().pod(young).settle();

describe('a workload that moves to another repository', () => {
  it('has the new binding replace the old one, which goes with the last pod', () => {
    const namespace = moved();
    namespace.scans.add(A);
    assert.deepEqual(namespace.shown, { [A]: 'pull', [B]: `pull replaces ${A}` });
    assert.deepEqual(namespace.gone('old').settle().shown, { [B]: `pull replaces ${A}` });
    namespace
      .restart()
      .later(2 * GRACE)
      .settle();
    assert.deepEqual(namespace.shown, { [B]: `pull replaces ${A}` });
    namespace.scans.delete(A);
    assert.deepEqual(namespace.settle().shown, { [B]: 'pull' });
  });

  it('keeps the old one while somebody else uses it', () => {
    const namespace = moved()
      .pod({ ...old, name: 'other', workload: 'Deployment/other' })
      .settle();
    namespace.gone('old').settle();
    assert.deepEqual(Object.keys(namespace.shown), [A, B]);
    assert.deepEqual(namespace.binding(A)?.users, ['Deployment/other/app']);
  });

  it('is seen where all old pods end before the first new one begins', () => {
    const namespace = new Namespace().pod(old).settle().gone('old').settle();
    namespace.scans.add(A);
    namespace.restart().pod(young).settle();
    assert.deepEqual(namespace.shown, { [B]: `pull replaces ${A}` });
  });

  it('is seen where pods of the time before have ended and are still there, as those of a CronJob', () => {
    const run = { workload: 'CronJob/report', secrets: ['pull'], phase: 'Succeeded' };
    const namespace = new Namespace().pod({ ...run, name: 'one', image: A, at: 100 }).settle();
    namespace.scans.add(A);
    namespace.pod({ ...run, name: 'two', image: B, at: 200 }).settle();
    assert.deepEqual(namespace.shown, { [B]: `pull replaces ${A}` });
    const public_ = new Namespace().pod({ ...run, name: 'one', image: A, at: 100, secrets: [] }).settle();
    public_.scans.add(A);
    public_.pod({ ...run, name: 'two', image: B, at: 200 }).settle();
    assert.deepEqual(public_.shown, { [B]: `pull replaces ${A}` });
  });

  it('gets a binding with an empty list where the new image needs no pull secret', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.scans.add(A);
    namespace
      .pod({ ...young, secrets: [] })
      .settle()
      .gone('old')
      .settle();
    assert.deepEqual(namespace.shown, { [B]: `replaces ${A}` });
    namespace.scans.delete(A);
    namespace.settle().later(HOUR).settle().later(GRACE).settle();
    assert.deepEqual(namespace.shown, {});
  });

  it('gets none where neither needs one', () => {
    const namespace = new Namespace().pod({ ...old, secrets: [] }).settle();
    namespace.scans.add(A);
    assert.deepEqual(namespace.pod({ ...young, secrets: [] }).settle().shown, {});
  });

  it('and on hands down what was replaced before', () => {
    const namespace = moved();
    namespace.scans.add(A);
    namespace.gone('old').settle();
    namespace.pod({ ...web, name: 'third', image: C, hash: 'three', at: 300 }).settle();
    assert.deepEqual(namespace.gone('young').settle().shown, { [C]: `pull replaces ${A}` });
  });

  it('and back ends with the opposite, at no time with a circle', () => {
    const namespace = moved();
    namespace.scans.add(A);
    namespace.gone('old').settle();
    namespace.scans.delete(A);
    namespace.scans.add(B);
    namespace.pod({ ...old, name: 'back', at: 300 });
    namespace.onWrite = () => assertNoCircle(namespace);
    namespace.settle().gone('young').settle();
    assert.deepEqual(namespace.shown, { [A]: `pull replaces ${B}` });
  });

  it('and back ends with the opposite, too, while scans name both and somebody else stays', () => {
    const namespace = moved()
      .pod({ ...young, name: 'other', workload: 'Deployment/other' })
      .settle();
    for (const scan of [A, B]) namespace.scans.add(scan);
    namespace.gone('old').settle();
    namespace.onWrite = () => assertNoCircle(namespace);
    namespace
      .pod({ ...old, name: 'back', at: 300 })
      .settle()
      .gone('young')
      .settle();
    assert.deepEqual(namespace.shown, { [A]: `pull replaces ${B}`, [B]: 'pull' });
  });

  it('while another one moves the other way makes no circle', () => {
    const api = { workload: 'Deployment/api' };
    const namespace = new Namespace().pod(old).pod({ ...young, ...api, name: 'api-old', at: 100 });
    for (const scan of [A, B]) namespace.scans.add(scan);
    namespace.settle();
    namespace.onWrite = () => assertNoCircle(namespace);
    namespace
      .pod(young)
      .pod({ ...old, ...api, name: 'api-new', at: 200 })
      .settle();
    assert.deepEqual(namespace.shown, { [A]: `pull replaces ${B}`, [B]: 'pull' });
  });

  it('and back before it was finished ends as it began', () => {
    const namespace = moved()
      .pod({ ...old, name: 'again', at: 300 })
      .settle();
    assert.deepEqual(namespace.shown, { [A]: 'pull', [B]: `pull replaces ${A}` });
    assert.deepEqual(namespace.gone('young').settle().shown, { [A]: 'pull' });
  });
});

describe('a move to another repository', () => {
  it('is written down in the new binding before the old one goes', () => {
    const namespace = new Namespace().pod(old).settle().gone('old').settle().pod(young);
    namespace.scans.add(A);
    assert.deepEqual(namespace.settle().log, [`create ${A}`, `create ${B}`, `delete ${A}`]);
  });

  it('that nobody saw, and of which no scan is left, is written nowhere', () => {
    const namespace = new Namespace().pod(old).settle().gone('old').settle().pod(young).settle();
    assert.deepEqual(namespace.log, [`create ${A}`, `create ${B}`, `delete ${A}`]);
    assert.deepEqual(namespace.shown, { [B]: 'pull' });
  });

  it('is followed wherever one of both images needs a pull secret', () => {
    const bare = { secrets: [] };
    const cases = [
      [new Namespace().pod({ ...old, ...bare }).pod(young), { [B]: `pull replaces ${A}` }],
      [new Namespace().pod(old).pod({ ...young, ...bare }), { [A]: 'pull', [B]: `replaces ${A}` }],
      [
        new Namespace()
          .pod(old)
          .settle()
          .gone('old')
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
      assert.deepEqual(namespace.settle().shown, expected);
    }
  });

  it('away from the image of a binding that a person wrote is followed, too', () => {
    const namespace = new Namespace().pod(old).pod({ ...young, secrets: [] });
    namespace.userCreated.push({ name: 'mine', repository: A, replaces: [] });
    namespace.scans.add(A);
    assert.deepEqual(namespace.settle().shown, { [B]: `replaces ${A}` });
  });

  it('of one workload is under way until all of its pods have moved, whatever others have done', () => {
    const namespace = new Namespace().pod(old).pod({ ...old, name: 'api-old', workload: 'Deployment/api' });
    namespace
      .settle()
      .gone('old')
      .pod(young)
      .pod({ ...young, name: 'api-new', workload: 'Deployment/api' });
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull', [B]: `pull replaces ${A}` });
    assert.deepEqual(namespace.log, [`create ${A}`, `update ${A}`, `create ${B}`]);
  });

  it('goes to the repository of the latest pod, whatever else the pods are given', () => {
    const namespace = new Namespace().pod({ ...old, at: 300 }).pod({ ...young, at: 400, name: 'b' });
    namespace.pod({ ...young, name: 'a', secrets: ['z'] });
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull', [B]: `pull z replaces ${A}` });
  });

  it('of more users than a binding lists leaves the old binding for those who are not told', () => {
    const namespace = new Namespace();
    for (let index = 10; index < 31; index += 1)
      namespace.pod({ ...old, name: `old-${index}`, workload: `Deployment/web-${index}` });
    namespace.settle();
    for (let index = 10; index < 30; index += 1)
      namespace.pod({ ...young, name: `old-${index}`, workload: `Deployment/web-${index}` });
    namespace.gone('old-30').settle();
    assert.deepEqual(Object.keys(namespace.shown), [A, B]);
    namespace.later(HOUR).settle().later(GRACE).settle();
    assert.deepEqual(Object.keys(namespace.shown), [B]);
  });

  it('is told by owner and container: others are no moves', () => {
    const namespace = new Namespace().pod(old).settle();
    namespace.pod({ ...young, workload: 'Deployment/other' });
    namespace.pod({ name: 'step-1', workload: 'Workflow/build', image: A, secrets: ['pull'] });
    namespace.pod({ name: 'step-2', workload: 'Workflow/build', image: B, secrets: ['pull'], at: 900 });
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull', [B]: 'pull' });
  });

  it('is none of ephemeral containers, whatever they are called', () => {
    const namespace = new Namespace();
    namespace
      .pod({ ...old, ephemeral: { debug: B } })
      .pod({ ...old, name: 'b', ephemeral: { debug: C }, at: 900 });
    for (const scan of [A, B, C]) namespace.scans.add(scan);
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull', [B]: 'pull', [C]: 'pull' });
    namespace.pod(old).settle();
    assert.deepEqual(namespace.shown, { [A]: 'pull', [B]: 'pull', [C]: 'pull' });
    namespace.later(HOUR).settle().later(GRACE).settle();
    assert.deepEqual(namespace.shown, { [A]: 'pull', [C]: 'pull' });
  });

  it('is not known before one pod is later than the others', () => {
    const namespace = new Namespace()
      .pod(old)
      .pod({ ...young, at: 100 })
      .settle();
    assert.deepEqual(namespace.shown, { [A]: 'pull', [B]: 'pull' });
    namespace.scans.add(A);
    assert.deepEqual(namespace.gone('old').settle().shown, { [B]: `pull replaces ${A}` });
  });
});

describe('another name for the same digest, from a runtime', () => {
  const mirrored = { ...web, name: 'a', image: `${A}:1`, imageID: `${B}@${digest('1')}` };

  it('is linked to the binding while a scan names it', () => {
    const namespace = new Namespace().pod(mirrored).settle();
    assert.deepEqual(namespace.shown, { [A]: 'pull' });
    namespace.scans.add(B);
    assert.deepEqual(namespace.settle().shown, { [A]: `pull replaces ${B}` });
  });

  it('is not, where a person has seen to it', () => {
    const namespace = new Namespace().pod(mirrored);
    namespace.userCreated.push({ name: 'mine', repository: B, replaces: [] });
    namespace.scans.add(B);
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull' });
  });

  it('is one of 16 at most', () => {
    const namespace = new Namespace();
    for (let index = 10; index < 30; index += 1) {
      const imageID = `mirror-${index}.example/app@${digest('1')}`;
      namespace.pod({ ...mirrored, name: `web-${index}`, imageID }).scans.add(`mirror-${index}.example/app`);
    }
    const replaced = Array.from({ length: 16 }, (_, index) => `mirror-${index + 10}.example/app`);
    assert.deepEqual(namespace.settle().binding(A)?.replaces, replaced);
  });

  it('makes no binding of an image that needs no pull secret', () => {
    const namespace = new Namespace().pod({ ...mirrored, secrets: [] });
    namespace.scans.add(B);
    assert.deepEqual(namespace.settle().shown, {});
  });

  it('is not, where pods name it themselves', () => {
    const namespace = new Namespace().pod(mirrored).pod({ ...young, workload: 'Deployment/other' });
    namespace.scans.add(B);
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull', [B]: 'pull' });
  });
});

describe('a pod that cannot be used', () => {
  it('is told of, once for all of its template, and keeps no other from its binding', () => {
    const namespace = new Namespace().pod(old);
    for (const name of ['b', 'a']) namespace.pod({ ...young, name, image: 'reg.example/UPPER' });
    assert.deepEqual(namespace.settle().shown, { [A]: 'pull' });
    const problems = namespace.decide().problems.map(({ about, reason, note }) => {
      return `${about.kind === 'Pod' ? about.pod.name : about.binding.name} ${reason} ${note}`;
    });
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^a NotDiscovered Discovery ignores a part .*Write it in lower case/);
  });
});

describe('marks on pods', () => {
  it('name the binding once it is Ready, and go with it', () => {
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

  it('come after the last old pod of a move, with which autodiscovery deletes the scan', () => {
    const namespace = new Namespace().pod(old).settle().pod(young).settle();
    const { name = '' } = namespace.binding(B) ?? {};
    namespace.ready = new Set([...namespace.bindings.keys()]);
    assert.deepEqual(namespace.decide().marks, []);
    namespace.gone('old').settle();
    assert.deepEqual(
      namespace.decide().marks.map(({ pod, binding }) => [pod.name, binding]),
      [['young', name]],
    );
  });
});

/** Walks from each binding along what it replaces. */
function assertNoCircle(namespace: Namespace): void {
  for (const { repository = '' } of namespace.bindings.values()) {
    let reached = namespace.binding(repository)?.replaces ?? [];
    for (let step = 0; step < namespace.bindings.size; step += 1) {
      assert.ok(!reached.includes(repository), JSON.stringify(namespace.shown));
      reached = reached.flatMap((each) => namespace.binding(each)?.replaces ?? []);
    }
  }
}

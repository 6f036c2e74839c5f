import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Rule } from '../../../support/faults/plan.ts';
import { FaultPlan } from '../../../support/faults/plan.ts';
import { isFreshList, isNextPage, isWatch, isWrite, readRequest } from '../../../support/faults/request.ts';

const RULES: readonly Rule[] = [
  { fault: { kind: 'cut-before' }, probability: 0.2 },
  { fault: { kind: 'cut-mid-line' }, probability: 0.5, when: isWatch },
  { fault: { kind: 'status', code: 503 }, probability: 0.2 },
];
const TARGETS = ['/api/v1/pods?watch=1&resourceVersion=', '/api/v1/secrets?limit=', '/api/v1/pods?limit='];

/** The fault of each request by kind and occurrence if the requests arrive in the order of `targets`. */
function outcomes(seed: number, targets: readonly string[]): Record<string, string> {
  const plan = new FaultPlan(seed);
  plan.rules = RULES;
  const decided = targets.map((target) => {
    const { request, decision } = plan.decide('GET', target);
    return [
      `${request.kind} ${request.occurrence}`,
      `${decision?.fault.kind} ${decision?.lines} ${decision?.share}`,
    ];
  });
  return Object.fromEntries(decided);
}

function times(count: number): readonly string[] {
  return TARGETS.flatMap((target) => Array.from({ length: count }, (_, index) => `${target}${index}`));
}

describe('a fault plan', () => {
  it('injects the same fault into the n-th request of a kind, in whatever order kinds arrive', () => {
    const oneAfterAnother = times(100);
    const mixed = oneAfterAnother.toSorted(
      (a, b) => Number(a.split('=').at(-1)) - Number(b.split('=').at(-1)),
    );
    assert.deepEqual(outcomes(7, mixed), outcomes(7, oneAfterAnother));
  });

  it('injects other faults with another seed', () => {
    assert.notDeepEqual(outcomes(7, times(20)), outcomes(8, times(20)));
  });

  it('injects faults with the probability of the rule, and only into its requests', () => {
    const plan = new FaultPlan(1);
    plan.rules = [{ fault: { kind: 'cut-before' }, probability: 0.3, when: isWrite }];
    const hits = (method: string) =>
      Array.from({ length: 2_000 }, () => plan.decide(method, '/api/v1/namespaces/x/pods').decision).filter(
        (decision) => decision !== undefined,
      ).length;
    const writes = hits('POST');
    assert.ok(writes > 500 && writes < 700, String(writes));
    assert.equal(hits('GET'), 0);
  });

  it('counts a fault once when it takes effect, and resolves the promise for it', async () => {
    const plan = new FaultPlan(1);
    const injected = plan.once({ kind: 'status', code: 503, retryAfterSeconds: 1 }, isWatch);
    assert.equal(plan.decide('GET', '/api/v1/pods').decision, undefined);
    const { decision } = plan.decide('GET', '/api/v1/pods?watch=true');
    assert.deepEqual(plan.counts, {});
    decision?.tookEffect();
    decision?.tookEffect();
    assert.deepEqual(plan.counts, { '503 with Retry-After': 1 });
    assert.equal((await injected).request.resource, 'pods');
    assert.equal(plan.log, '503 with Retry-After: GET /api/v1/pods?watch=true (1)');
    assert.equal(plan.decide('GET', '/api/v1/pods?watch=true').decision, undefined);
  });

  it('injects faults of watches only into watches', () => {
    const plan = new FaultPlan(1);
    plan.rules = [{ fault: { kind: 'expire' }, probability: 1 }];
    assert.equal(plan.decide('GET', '/api/v1/pods').decision, undefined);
    assert.equal(plan.decide('GET', '/api/v1/pods?watch=1').decision?.fault.kind, 'expire');
  });
});

describe('a request to Kubernetes', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['GET', '/api/v1/configmaps?limit=500', 'list configmaps'],
    ['GET', '/api/v1/namespaces/a/configmaps?watch=true&resourceVersion=5', 'watch configmaps'],
    ['GET', '/api/v1/namespaces/a/configmaps?watch=false', 'list configmaps'],
    ['GET', '/api/v1/namespaces/a/configmaps/b', 'get configmaps b'],
    ['GET', '/api/v1/namespaces', 'list namespaces'],
    ['DELETE', '/api/v1/namespaces/a', 'delete namespaces a'],
    ['POST', '/apis/batch/v1/namespaces/a/jobs?fieldManager=x', 'create jobs.batch'],
    ['PATCH', '/apis/batch/v1/namespaces/a/jobs/b/status', 'patch jobs.batch b'],
    ['DELETE', '/api/v1/namespaces/a/secrets', 'deletecollection secrets'],
    ['GET', '/readyz', 'get'],
    ['GET', '/v2/team/app/manifests/1.0', 'get'],
  ];
  for (const [method, target, expected] of cases) {
    it(`is parsed from ${method} ${target} as ${expected}`, () => {
      const { verb, group, resource, name = '' } = readRequest(method, target);
      assert.equal(`${verb} ${resource}${group === '' ? '' : `.${group}`} ${name}`.trim(), expected);
    });
  }

  it('has the same kind with another version, page or time-out', () => {
    const kind = (query: string) => readRequest('GET', `/api/v1/pods?${query}`).kind;
    assert.equal(kind('watch=1&resourceVersion=1&timeoutSeconds=5'), kind('watch=1&resourceVersion=2'));
    assert.equal(kind('limit=5&continue=a'), kind('continue=b'));
    assert.notEqual(kind('limit=5&continue=a'), kind('limit=5'));
    assert.notEqual(kind('labelSelector=a'), kind('labelSelector=b'));
  });

  it('is a fresh list as a first page or a streaming list, but not as a next page', () => {
    const of = (target: string) => ({ ...readRequest('GET', target), occurrence: 1 });
    assert.ok(isFreshList(of('/api/v1/pods?limit=500')));
    assert.ok(isFreshList(of('/api/v1/pods?watch=true&sendInitialEvents=true')));
    assert.ok(!isFreshList(of('/api/v1/pods?watch=true&resourceVersion=1')));
    assert.ok(!isFreshList(of('/api/v1/pods?continue=x')));
    assert.ok(isNextPage(of('/api/v1/pods?continue=x')));
  });
});

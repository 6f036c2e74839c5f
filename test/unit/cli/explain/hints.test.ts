import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSimilar } from '../../../../src/cli/explain/similar.ts';
import { binding, Files, pullSecret, runExplain, scheduledScan } from '../../../support/explain.ts';

describe('explain, where no binding serves the image', () => {
  const cases: readonly {
    readonly name: string;
    readonly image: string;
    readonly spec: object;
    readonly says: RegExp;
  }[] = [
    {
      name: 'says which was meant, after a slip of the fingers',
      image: 'reg.example/team/paymnts:1.0',
      spec: { image: 'reg.example/team/payments' },
      says: /^no binding serves reg\.example\/team\/paymnts; did you mean reg\.example\/team\/payments, of the binding "b"\?$/m,
    },
    {
      name: 'says that a binding is for another version alone',
      image: 'reg.example/app:2',
      spec: { image: 'reg.example/app:1' },
      says: /^the binding "b" is for reg\.example\/app:1 alone; ask for that, or make its spec\.image the repository$/m,
    },
    {
      name: 'says that a binding only observes',
      image: 'reg.example/old:2',
      spec: { replaces: ['reg.example/old'], mode: 'Observe' },
      says: /^the binding "b" fits and only observes; set its spec\.mode to Enforce/m,
    },
    {
      name: 'says that a host alone is an image of Docker Hub',
      image: 'reg.example',
      spec: {},
      says: /^"reg\.example" is taken for docker\.io\/library\/reg\.example, an image of Docker Hub: a registry wants/m,
    },
    {
      name: 'says that the name of a binding is no image',
      image: 'b',
      spec: {},
      says: /^"b" is taken for an image, and is the name of a binding; ask for its image, reg\.example\/app$/m,
    },
  ];
  for (const { name, image, spec, says } of cases) {
    it(name, () => {
      using files = new Files();
      const { status, stderr } = runExplain([image, ...files.write('b.json', binding('b', spec))]);
      assert.equal(status, 1);
      assert.match(stderr, says);
    });
  }

  it('tells what Trivy would get', () => {
    using files = new Files();
    const args = files.write('p.json', pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } }));
    assert.match(
      runExplain(['reg.example/app', ...args]).stdout,
      /\n {2}Trivy would get, with a binding\n {4}DOCKER_CONFIG=/,
    );
  });

  it('says nothing of bindings for other images', () => {
    using files = new Files();
    for (const image of ['reg.example/other', 'library/my.app']) {
      const { stderr } = runExplain([image, ...files.write('b.json', binding('b', {}))]);
      assert.equal(stderr, '');
    }
  });

  it('says whose objects there are, where the namespace has none', () => {
    using files = new Files();
    const args = files.write('b.json', binding('b', {}, { namespace: 'shop' }));
    const { status, stderr } = runExplain(['reg.example/app', '-n', 'shpo', ...args]);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /expected objects of the namespace "shpo", found those of "shop"; correct --namespace/,
    );
  });

  it('takes up to two letters for a slip', () => {
    const pairs: readonly [string, string, boolean][] = [
      ['payments', 'payments', true],
      ['payments', 'paymnets', true],
      ['payments', 'pymnts', true],
      ['payments', 'pymts', false],
      ['payments', 'shipping', false],
      ['', 'ab', true],
    ];
    for (const [a, b, expected] of pairs) {
      assert.equal(isSimilar(a, b), expected, `${a} ${b}`);
      assert.equal(isSimilar(b, a), expected, `${b} ${a}`);
    }
  });
});

describe('explain, where no ScheduledScan has the image of a binding', () => {
  it('says which was meant, after a slip of the fingers', () => {
    using files = new Files();
    const args = [
      ...files.write('b.json', binding('b', { image: 'reg.example/team/paymnts' })),
      ...files.write('s.json', scheduledScan('scan', ['reg.example/team/payments:1.0'])),
    ];
    const { stderr } = runExplain(['reg.example/team/paymnts', ...args]);
    assert.match(
      stderr,
      /^no ScheduledScan here has the image reg\.example\/team\/paymnts, .*; did you mean reg\.example\/team\/payments, of the ScheduledScan "scan"\?$/m,
    );
  });

  it('says nothing of an earlier home of the image, nor of scans that another binding serves', () => {
    using files = new Files();
    const args = [
      ...files.write('b.json', binding('b', { replaces: ['reg.example/apq'] })),
      ...files.write('c.json', binding('c', { image: 'reg.example/apps' })),
      ...files.write('p.json', pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } })),
      ...files.write('s.json', scheduledScan('scan', ['reg.example/apps:1.0'])),
      // Like the earlier home alone, and nobody serves it.
      ...files.write('u.json', scheduledScan('unserved', ['reg.example/apqxy:1.0'])),
    ];
    for (const image of ['reg.example/apq', 'reg.example/app'])
      assert.equal(runExplain([image, ...args]).stderr, '');
  });

  it('says nothing of scans of other images, for files need not hold all', () => {
    using files = new Files();
    const args = [
      ...files.write('b.json', binding('b', { imagePullSecrets: [] })),
      ...files.write('s.json', scheduledScan('scan', ['reg.example/other:1.0'])),
    ];
    assert.equal(runExplain(['reg.example/app', ...args]).stderr, '');
  });
});

describe('explain, where a status is at hand', () => {
  const condition = (type: string, status: string, reason: string, message = '') => ({
    type,
    status,
    reason,
    message,
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const withStatus = (conditions: readonly object[], generation = 1) => ({
    ...binding('b', {}, { generation }),
    status: {
      observedGeneration: 1,
      candidates: [
        { secret: 'pull', registryKey: 'reg.example', result: 'Refused', reason: 'Denied', httpCode: 401 },
        { secret: 'gone', result: 'Unusable', reason: 'SecretNotFound' },
      ],
      conditions,
    },
  });

  it('tells what was tried and what the controller says, with its advice', () => {
    using files = new Files();
    const args = files.write(
      'b.json',
      withStatus([
        condition('CredentialResolved', 'True', 'Selected'),
        condition('Ready', 'False', 'Denied', 'The registry refused it. Correct the password.'),
      ]),
    );
    const { stdout } = runExplain(['reg.example/app', ...args]);
    assert.match(
      stdout,
      / {2}the controller tried\n {4}Secret pull {2}entry reg\.example {2}Refused {3}Denied \(HTTP 401\)\n {4}Secret gone {21}Unusable {2}SecretNotFound\n {2}the controller says\n {4}Ready {15}False {2}Denied\n {6}The registry refused it\. Correct the password\.\n {4}CredentialResolved {2}True {3}Selected\n/,
    );
  });

  it('tells only that it is out of date, where it is', () => {
    using files = new Files();
    const args = files.write('b.json', withStatus([condition('Ready', 'True', 'Ready')], 2));
    const { stdout } = runExplain(['reg.example/app', ...args]);
    assert.match(
      stdout,
      /the controller says\n {4}Ready {2}Unknown {2}OutOfDate\n {6}The status is for generation 1, but the spec has generation 2\. Check that a controller is running/,
    );
    assert.doesNotMatch(stdout, /tried/);
  });
});

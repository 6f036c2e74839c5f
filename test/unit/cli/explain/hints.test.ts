import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSimilar } from '../../../../src/text/typos.ts';
import { binding, Files, pullSecret, runExplain, scheduledScan } from '../../../support/explain.ts';

describe('explain, if no binding matches the image', () => {
  const cases: readonly {
    readonly name: string;
    readonly image: string;
    readonly spec: object;
    readonly says: RegExp;
  }[] = [
    {
      name: 'suggests the image of a binding after a typo',
      image: 'reg.example/team/paymnts:1.0',
      spec: { image: 'reg.example/team/payments' },
      says: /^no binding matches reg\.example\/team\/paymnts; did you mean reg\.example\/team\/payments, the image of the binding "b"\?$/m,
    },
    {
      name: 'reports that a binding matches only another version',
      image: 'reg.example/app:2',
      spec: { image: 'reg.example/app:1' },
      says: /^the binding "b" matches only reg\.example\/app:1; explain that image, or set its spec\.image to reg\.example\/app$/m,
    },
    {
      name: 'reports that the mode of a binding is Observe',
      image: 'reg.example/old:2',
      spec: { replaces: ['reg.example/old'], mode: 'Observe' },
      says: /^the binding "b" matches, but its mode is Observe; set its spec\.mode to Enforce/m,
    },
    {
      name: 'reports that a host without a repository is an image on Docker Hub',
      image: 'reg.example',
      spec: {},
      says: /^"reg\.example" is read as docker\.io\/library\/reg\.example, an image on Docker Hub; if you mean a registry/m,
    },
    {
      name: 'reports that the name of a binding is not an image',
      image: 'b',
      spec: {},
      says: /^"b" is read as an image, but it is the name of a binding; explain its image, reg\.example\/app$/m,
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

  it('shows what Trivy would get', () => {
    using files = new Files();
    const args = files.write('p.json', pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } }));
    assert.match(
      runExplain(['reg.example/app', ...args]).stdout,
      /\n {2}Trivy would get, with a binding\n {4}DOCKER_CONFIG=/,
    );
  });

  it('does not mention bindings for other images', () => {
    using files = new Files();
    for (const image of ['reg.example/other', 'library/my.app']) {
      const { stderr } = runExplain([image, ...files.write('b.json', binding('b', {}))]);
      assert.equal(stderr, '');
    }
  });

  it('reports the namespaces of the objects if the requested namespace has none', () => {
    using files = new Files();
    const args = files.write('b.json', binding('b', {}, { namespace: 'shop' }));
    const { status, stderr } = runExplain(['reg.example/app', '-n', 'shpo', ...args]);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /expected objects of the namespace "shpo", found those of "shop"; correct --namespace/,
    );
  });

  it('considers up to two different letters a typo', () => {
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

describe('explain, if no ScheduledScan uses the image of a binding', () => {
  it('suggests the image of a ScheduledScan after a typo', () => {
    using files = new Files();
    const args = [
      ...files.write('b.json', binding('b', { image: 'reg.example/team/paymnts' })),
      ...files.write('s.json', scheduledScan('scan', ['reg.example/team/payments:1.0'])),
    ];
    const { stderr } = runExplain(['reg.example/team/paymnts', ...args]);
    assert.match(
      stderr,
      /^no ScheduledScan in these files uses the image reg\.example\/team\/paymnts, .*; did you mean reg\.example\/team\/payments, the image of the ScheduledScan "scan"\?$/m,
    );
  });

  it('does not mention a previous repository, nor scans that another binding matches', () => {
    using files = new Files();
    const args = [
      ...files.write('b.json', binding('b', { replaces: ['reg.example/apq'] })),
      ...files.write('c.json', binding('c', { image: 'reg.example/apps' })),
      ...files.write('p.json', pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } })),
      ...files.write('s.json', scheduledScan('scan', ['reg.example/apps:1.0'])),
      // Similar only to the previous repository, and no binding matches it.
      ...files.write('u.json', scheduledScan('unmatched', ['reg.example/apqxy:1.0'])),
    ];
    for (const image of ['reg.example/apq', 'reg.example/app'])
      assert.equal(runExplain([image, ...args]).stderr, '');
  });

  it('does not mention scans of other images, because the files may not contain all scans', () => {
    using files = new Files();
    const args = [
      ...files.write('b.json', binding('b', { imagePullSecrets: [] })),
      ...files.write('s.json', scheduledScan('scan', ['reg.example/other:1.0'])),
    ];
    assert.equal(runExplain(['reg.example/app', ...args]).stderr, '');
  });
});

describe('explain, if the binding has a status', () => {
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

  it('shows the candidates that were tried, and the conditions with their advice', () => {
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

  it('shows only that the status is out of date, if it is', () => {
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

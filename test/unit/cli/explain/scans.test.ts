/** The ScheduledScans in the output of `explain`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { editScheduledScan, type RawScheduledScan } from '../../../../src/scan/scheduled-scan.ts';
import { binding, Files, pullSecret, runExplain } from '../../../support/explain.ts';

const IMAGE = 'reg.example/app:1';

interface Scan {
  readonly parameters?: readonly string[];
  readonly scanType?: string;
  readonly labels?: object;
  readonly scanSpec?: object;
}

function scan(name: string, { parameters = [IMAGE], scanType = 'trivy-image', labels = {}, scanSpec }: Scan) {
  return {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'ScheduledScan',
    metadata: { name, labels },
    spec: { interval: '24h', scanSpec: { scanType, parameters, ...scanSpec } },
  };
}

/** As the controller binds it to `app`. */
function bound(object: object): object {
  const edit = {
    edit: 'Bind',
    binding: 'app',
    delivery: {
      secretName: 'trivy-pull-0123456789',
      mountPath: '/creds',
      env: [{ name: 'DOCKER_CONFIG', value: '/creds' }],
    },
  } as const;
  // The object has the fields of a ScheduledScan.
  const result = editScheduledScan(object as unknown as RawScheduledScan, edit);
  return result.result === 'Changed' ? result.scan : assert.fail(result.result);
}

/** The state of each ScheduledScan in the text, and the list in the JSON, of an explanation of {@link IMAGE}. */
function explained(scans: readonly object[], spec: object = {}, parts: object = {}) {
  using files = new Files();
  const items = [
    pullSecret('pull', { 'reg.example': { auth: btoa('u:p') } }),
    { ...binding('app', spec), ...parts },
    ...scans,
  ];
  const args = [IMAGE, ...files.write('l.json', { apiVersion: 'v1', kind: 'List', items })];
  const { stdout, stderr, status } = runExplain(args);
  assert.equal(status, 0, stderr);
  const [, section = ''] = /^ {2}ScheduledScans\n((?: {4}.*\n)*)/m.exec(stdout) ?? [];
  const rows = section.split('\n').flatMap((line) => {
    const { name, state } = /^ {4}(?<name>\S+) +(?<state>.*)$/.exec(line)?.groups ?? {};
    return name === undefined || state === undefined ? [] : [[name, state] as const];
  });
  const [{ scheduledScans }] = JSON.parse(runExplain([...args, '-o', 'json']).stdout);
  return { states: new Map(rows), scheduledScans };
}

describe('the ScheduledScans of explain', () => {
  it('include those without a readable image, whatever image is explained, each with its reason', () => {
    const { states } = explained([
      scan('scheme', { parameters: ['docker-pullable://other.example/app:1'] }),
      scan('archive', { parameters: ['--input', 'app.tar'] }),
      scan('sbom', { parameters: ['image', IMAGE], scanType: 'trivy-sbom-image' }),
      scan('nothing', { parameters: [] }),
      scan('custom', { parameters: ['image', IMAGE], scanType: 'my-trivy-image' }),
      scan('ports', { parameters: ['-p', '80', 'host.example'], scanType: 'nmap' }),
      scan('elsewhere', { parameters: ['other.example/app'] }),
    ]);
    assert.deepEqual([...states.keys()], ['scheme', 'archive', 'sbom', 'nothing', 'custom']);
    assert.match(states.get('scheme') ?? '', /^has no readable image: .*docker-pullable:\/\/.*; remove it$/);
    assert.match(states.get('archive') ?? '', /^scans no image from a registry: with the flag --input/);
    assert.match(states.get('sbom') ?? '', /already contains "image"; remove it$/);
    assert.match(states.get('nothing') ?? '', /add the image$/);
  });

  it('show that a bound one without a readable image is bound', () => {
    const object = bound(scan('changed', {}));
    Object.assign(object, JSON.parse(JSON.stringify(object).replace(`["${IMAGE}"]`, `["'${IMAGE}'"]`)));
    assert.match(
      explained([object]).states.get('changed') ?? '',
      /^bound to app; has no readable image: .*quotes/,
    );
  });

  it('say why no binding matches one: its scan type, or its labels', () => {
    const { states } = explained(
      [
        scan('custom', { scanType: 'my-trivy-image', labels: { team: 'a' } }),
        scan('unlabeled', {}),
        scan('fits', { labels: { team: 'a' } }),
      ],
      { scanSelector: { matchLabels: { team: 'a' } } },
    );
    assert.match(
      states.get('custom') ?? '',
      /scan type "my-trivy-image" is not one that .*config\.scanTypes.*--scan-types/,
    );
    assert.match(
      states.get('unlabeled') ?? '',
      /labels do not match spec\.scanSelector of the binding "app"$/,
    );
    assert.equal(states.get('fits'), 'not yet bound to app');
  });

  it('say that the only binding that matches one observes', () => {
    const { states } = explained([scan('fits', { labels: { team: 'a' } }), scan('unlabeled', {})], {
      mode: 'Observe',
      scanSelector: { matchLabels: { team: 'a' } },
    });
    assert.equal(
      states.get('fits'),
      'not bound: the binding "app" matches it, but the mode of that binding is Observe',
    );
    assert.match(
      states.get('unlabeled') ?? '',
      /labels do not match spec\.scanSelector of the binding "app"$/,
    );
  });

  it('say which login of a user is overridden, or will be', () => {
    const env = [{ name: 'DOCKER_CONFIG', value: '/own' }];
    const { states } = explained([
      scan('later', { scanSpec: { env } }),
      bound(scan('now', { scanSpec: { env } })),
      bound(scan('none', {})),
      scan('mounted', { scanSpec: { volumeMounts: [{ name: 'own', mountPath: '/root/.docker' }] } }),
    ]);
    assert.match(
      states.get('later') ?? '',
      /^not yet bound to app; its DOCKER_CONFIG will be overridden, so Trivy cannot/,
    );
    assert.match(states.get('now') ?? '', /^bound to app; its DOCKER_CONFIG is overridden, so Trivy cannot/);
    assert.equal(states.get('none'), 'bound to app');
    assert.match(states.get('mounted') ?? '', /its Docker config at \/root\/\.docker will be overridden/);
  });

  it('are read from files with lists and fields that are null', () => {
    const odd = {
      env: [
        { name: 'DOCKER_CONFIG', value: null, valueFrom: null },
        { name: 'TRIVY_USERNAME', valueFrom: 'x' },
      ],
      volumeMounts: [{ name: 'own', mountPath: null }],
    };
    const nothing = { env: null, volumes: null, volumeMounts: null };
    const { states } = explained([scan('odd', { scanSpec: odd }), scan('nothing', { scanSpec: nothing })]);
    assert.match(states.get('odd') ?? '', /^not yet bound to app; its TRIVY_USERNAME will be overridden/);
    assert.equal(states.get('nothing'), 'not yet bound to app');
  });

  it('say that an image after an unknown flag is not migrated', () => {
    const { states } = explained([scan('new', { parameters: ['--new', IMAGE] })]);
    assert.match(states.get('new') ?? '', /^not yet bound to app; its image follows the flag --new/);
  });

  it('say that their Scans are bound when they are created, according to the status of the binding', () => {
    const reason =
      'its Scans are bound when they are created, because Flux would revert a change of the ScheduledScan';
    const conditions = ['Ready', 'ScansBound'].map((type) => ({
      type,
      status: 'True',
      reason: type === 'Ready' ? 'Ready' : 'Bound',
      message: 'x',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    }));
    const names = [
      { name: 'from-git', boundAtCreation: true, reason },
      { name: 'failing', reason: 'broken' },
    ];
    const status = { observedGeneration: 1, conditions, scans: { matched: 2, bound: 1, failing: 1, names } };
    const { states, scheduledScans } = explained([scan('from-git', {}), scan('failing', {})], {}, { status });
    assert.equal(states.get('from-git'), `bound to app: ${reason}`);
    assert.equal(states.get('failing'), 'not bound to app: broken');
    const [first] = scheduledScans;
    assert.deepEqual([first.boundAtCreation, first.problem], [true, null]);
  });

  it('are in the JSON', () => {
    const { scheduledScans } = explained([
      bound(scan('good', {})),
      scan('new', {}),
      scan('quoted', { parameters: [`'${IMAGE}'`] }),
    ]);
    const problem =
      'has no readable image: parameter 1 contains quotes, and no shell removes them before Trivy reads it; remove the quotes';
    const unbound = {
      effectiveBinding: 'app',
      boundTo: null,
      problem: null,
      boundAtCreation: false,
      notes: [],
    };
    assert.deepEqual(scheduledScans, [
      { ...unbound, name: 'good', boundTo: 'app' },
      { ...unbound, name: 'new' },
      { ...unbound, name: 'quoted', effectiveBinding: null, problem },
    ]);
  });
});

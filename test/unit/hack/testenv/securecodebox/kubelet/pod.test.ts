import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  composePod,
  type Pod,
  resultName,
} from '../../../../../../hack/testenv/securecodebox/kubelet/pod.ts';
import type {
  PodSpec,
  Scan,
  ScanSpec,
  ScanType,
} from '../../../../../../hack/testenv/securecodebox/objects.ts';

const SCANNER = {
  name: 'trivy-image',
  command: ['trivy', 'image'],
  args: ['dropped'],
  env: [{ name: 'A', value: 'type' }],
  volumeMounts: [{ name: 'rules', mountPath: '/rules' }],
};

function typeOf(pod: Partial<PodSpec> = {}): ScanType {
  const spec: PodSpec = {
    containers: [SCANNER],
    initContainers: [{ name: 'first' }],
    volumes: [{ name: 'rules', emptyDir: {} }],
    ...pod,
  };
  return {
    metadata: { name: 'trivy-image' },
    spec: {
      extractResults: { type: 'trivy-json', location: '/home/securecodebox/trivy-results.json' },
      jobTemplate: { spec: { template: { spec } } },
    },
  };
}

function scanOf(spec: Partial<ScanSpec> = {}): Scan {
  return {
    metadata: { name: 'scan' },
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app'], ...spec },
  };
}

function podOf(scanType: ScanType, scan: Scan): Pod {
  const composed = composePod(scanType, scan);
  assert.equal(composed.result, 'Pod');
  return composed.pod;
}

describe('the pod of a Scan', () => {
  const pod = podOf(
    typeOf(),
    scanOf({
      env: [
        { name: 'B', value: '1' },
        { name: 'A', value: 'scan' },
      ],
      volumes: [{ name: 'credential', secret: { secretName: 's' } }],
      volumeMounts: [{ name: 'credential', mountPath: '/credential' }],
      initContainers: [{ name: 'second', volumeMounts: [{ name: 'credential', mountPath: '/rules' }] }],
    }),
  );

  it('runs the command of the ScanType with the parameters of the Scan, and without the args', () => {
    assert.deepEqual(pod.scanner.command, ['trivy', 'image', 'reg.example/app']);
    assert.equal(pod.scanner.args, undefined);
  });

  it('lists the entries of the Scan after those of the ScanType, including duplicate variables', () => {
    assert.deepEqual(
      pod.scanner.env.map(({ name, value }) => `${name}=${value}`),
      ['A=type', 'B=1', 'A=scan'],
    );
    assert.deepEqual(
      pod.initContainers.map(({ name }) => name),
      ['first', 'second'],
    );
  });

  it('lists the volume of the results between those of the ScanType and those of the Scan', () => {
    assert.deepEqual(
      pod.volumes.map(({ name }) => name),
      ['rules', 'scan-results', 'credential'],
    );
    assert.deepEqual(
      pod.scanner.volumeMounts?.map(({ mountPath }) => mountPath),
      ['/rules', '/home/securecodebox/', '/credential'],
    );
    assert.equal(resultName(pod), 'trivy-results.json');
  });

  it('omits the volumes of a ScanType whose container mounts none', () => {
    const { volumeMounts: _, ...container } = SCANNER;
    const { volumes } = podOf(typeOf({ containers: [container] }), scanOf());
    assert.deepEqual(
      volumes.map(({ name }) => name),
      ['scan-results'],
    );
  });
});

describe('the API server would refuse the Job of a Scan', () => {
  const cases: Readonly<Record<string, readonly [Partial<ScanSpec>, RegExp]>> = {
    'with a volume that has the name of a volume of the ScanType': [
      { volumes: [{ name: 'rules' }] },
      /"rules": must be unique/,
    ],
    'with the volume of the results': [{ volumes: [{ name: 'scan-results' }] }, /must be unique/],
    'with a mount at a path of another mount': [
      { volumes: [{ name: 'v' }], volumeMounts: [{ name: 'v', mountPath: '/rules' }] },
      /mountPath "\/rules": must be unique/,
    ],
    'with a mount of a volume that does not exist': [
      { volumeMounts: [{ name: 'lost', mountPath: '/x' }] },
      /container trivy-image: mount of volume "lost": not found/,
    ],
    'with an init container that mounts a volume that does not exist': [
      { initContainers: [{ name: 'extract', volumeMounts: [{ name: 'lost', mountPath: '/x' }] }] },
      /container extract: mount of volume "lost": not found/,
    ],
    'with a dot in the name of a volume': [
      { volumes: [{ name: 'reg.example-volume' }] },
      /must be a DNS label/,
    ],
    'with an init container that has the name of another container': [
      { initContainers: [{ name: 'lurker' }] },
      /container name "lurker": must be unique/,
    ],
  };
  for (const [name, [spec, message]] of Object.entries(cases)) {
    it(name, () => {
      const composed = composePod(typeOf(), scanOf(spec));
      assert.equal(composed.result, 'Rejected');
      assert.match(composed.message, message);
    });
  }
});

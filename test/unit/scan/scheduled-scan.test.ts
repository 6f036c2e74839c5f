import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseImageReference } from '../../../src/image/reference.ts';
import { VOLUME_NAME } from '../../../src/scan/delivery.ts';
import type { ScanDelivery } from '../../../src/scan/scan-delivery.ts';
import {
  editScheduledScan,
  type RawScheduledScan,
  readScheduledScan,
} from '../../../src/scan/scheduled-scan.ts';

const DELIVERY: ScanDelivery = {
  secretName: 'trivy-pull-123456',
  mountPath: '/creds',
  env: [
    { name: 'DOCKER_CONFIG', value: '/creds' },
    { name: 'TRIVY_USERNAME', value: '' },
  ],
};
const OTHER: ScanDelivery = { ...DELIVERY, secretName: 'trivy-spare-654321' };

type ScanSpec = RawScheduledScan['spec']['scanSpec'];

function scan(scanSpec: Partial<ScanSpec> = {}, annotations?: Record<string, string>): RawScheduledScan {
  return {
    metadata: {
      namespace: 'ns',
      name: 'scan',
      uid: 'uid',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      interval: '12h',
      scanSpec: { scanType: 'trivy-image', parameters: ['reg.example/app:1'], ...scanSpec },
    },
  };
}

function bind(raw: RawScheduledScan, delivery: ScanDelivery | undefined = DELIVERY): RawScheduledScan {
  const result = editScheduledScan(raw, { edit: 'Bind', binding: 'app', delivery });
  return result.result === 'Changed' ? result.scan : assert.fail(`expected a change, found ${result.result}`);
}

function unbind(raw: RawScheduledScan): RawScheduledScan {
  const result = editScheduledScan(raw, { edit: 'Unbind' });
  return result.result === 'Changed' ? result.scan : assert.fail(`expected a change, found ${result.result}`);
}

describe('binding a ScheduledScan', () => {
  it('appends one volume, one mount and the environment after the existing entries', () => {
    const { env, volumes, volumeMounts } = bind(
      scan({
        env: [{ name: 'A' }],
        volumes: [{ name: 'v' }],
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      }),
    ).spec.scanSpec;
    assert.deepEqual(env, [{ name: 'A' }, ...DELIVERY.env]);
    assert.deepEqual(volumes, [
      { name: 'v' },
      { name: VOLUME_NAME, secret: { secretName: DELIVERY.secretName, optional: true, defaultMode: 0o444 } },
    ]);
    assert.deepEqual(volumeMounts, [
      { name: 'v', mountPath: '/v' },
      { name: VOLUME_NAME, mountPath: '/creds', readOnly: true },
    ]);
  });

  it('changes nothing the second time', () => {
    const edit = { edit: 'Bind', binding: 'app', delivery: DELIVERY } as const;
    assert.deepEqual(editScheduledScan(bind(scan()), edit), { result: 'Unchanged' });
  });

  it('replaces one delivery with another without a trace of the first', () => {
    assert.deepEqual(bind(bind(scan()), OTHER), bind(scan(), OTHER));
  });

  it('without a credential does not change the spec', () => {
    const original = scan({ env: [{ name: 'A' }] });
    assert.deepEqual(editScheduledScan(original, { edit: 'Bind', binding: 'app', delivery: undefined }), {
      result: 'Changed',
      scan: {
        ...original,
        metadata: {
          ...original.metadata,
          annotations: {
            'credentials.securecodebox.io/binding': 'app',
            'image-credential-binding/restore': '{"added":[],"repository":"reg.example/app"}',
          },
        },
      },
    });
  });

  it('is refused if another volume is mounted at the mount path', () => {
    const raw = scan({ volumeMounts: [{ name: 'theirs', mountPath: '/creds' }] });
    const result = editScheduledScan(raw, { edit: 'Bind', binding: 'app', delivery: DELIVERY });
    assert.equal(result.result, 'MountPathTaken');
  });

  const taken: Record<string, Partial<ScanSpec>> = {
    'another volume has the same name': { volumes: [{ name: VOLUME_NAME }] },
    'a mounted volume of the ScanType has the same name': {
      volumeMounts: [{ name: VOLUME_NAME, mountPath: '/theirs' }],
    },
  };
  for (const [name, part] of Object.entries(taken)) {
    it(`is refused if ${name}, and leaves that volume alone`, () => {
      const raw = scan(part);
      const result = editScheduledScan(raw, { edit: 'Bind', binding: 'app', delivery: DELIVERY });
      assert.equal(result.result, 'VolumeNameTaken');
      assert.equal(readScheduledScan(raw).bound, undefined);
    });
  }

  it('detects that another client removed, changed or overrode one of its entries', () => {
    const { env = [], volumes = [], volumeMounts = [] } = bind(scan()).spec.scanSpec;
    const changes: Record<string, Partial<ScanSpec>> = {
      'an entry was removed': { env: env.slice(1) },
      'an entry has another value': {
        env: [{ ...env[0], name: 'DOCKER_CONFIG', value: '/tmp' } as never, ...env.slice(1)],
      },
      'another entry of that name follows': {
        env: [...env, { name: 'TRIVY_USERNAME', value: 'me' } as never],
      },
      'the volume was removed': { volumes: volumes.slice(1) },
      'the mount was removed': { volumeMounts: volumeMounts.slice(1) },
    };
    for (const [name, change] of Object.entries(changes)) {
      const bound = bind(scan());
      const raw = { ...bound, spec: { ...bound.spec, scanSpec: { ...bound.spec.scanSpec, ...change } } };
      assert.equal(readScheduledScan(raw).bound?.intact, false, name);
    }
    assert.equal(readScheduledScan(bind(scan())).bound?.intact, true);
  });

  it('ignores entries of other clients after its own', () => {
    const bound = bind(scan());
    const env = [...(bound.spec.scanSpec.env ?? []), { name: 'LATER' }];
    const raw = { ...bound, spec: { ...bound.spec, scanSpec: { ...bound.spec.scanSpec, env } } };
    assert.equal(readScheduledScan(raw).bound?.intact, true);
    assert.deepEqual(unbind(raw).spec.scanSpec.env, [{ name: 'LATER' }]);
  });
});

describe('migrating a ScheduledScan', () => {
  const DIGEST = `sha256:${'d'.repeat(64)}`;
  const to = (raw: RawScheduledScan, image: string, delivery: ScanDelivery | undefined = DELIVERY) => {
    const edit = { edit: 'Bind', binding: 'app', delivery, image: parseImageReference(image) } as const;
    const result = editScheduledScan(raw, edit);
    const migrated = result.result === 'Changed' ? result.scan : assert.fail(result.result);
    assert.deepEqual(editScheduledScan(migrated, edit), { result: 'Unchanged' });
    return migrated;
  };

  it('changes image and delivery at once, and no other parameter', () => {
    const parameters = ['--severity', 'HIGH', `aws.example/app:1@${DIGEST}`, '--timeout', '9m'];
    const migrated = to(bind(scan({ parameters })), `google.example/team/app:1@${DIGEST}`, OTHER);
    assert.deepEqual(migrated.spec.scanSpec.parameters, [
      ...['--severity', 'HIGH', `google.example/team/app:1@${DIGEST}`, '--timeout', '9m'],
    ]);
    const read = readScheduledScan(migrated);
    assert.equal(read.bound?.delivery?.secretName, OTHER.secretName);
    assert.equal(read.bound?.repository, 'google.example/team/app');
  });

  it('keeps the new image when the scan is unbound', () => {
    const migrated = to(bind(scan({ parameters: ['aws.example/app:1'] })), 'google.example/app:1');
    assert.deepEqual(unbind(migrated).spec.scanSpec, {
      scanType: 'trivy-image',
      parameters: ['google.example/app:1'],
    });
  });

  for (const text of ['nginx:1', 'docker.io/library/nginx:1', 'index.docker.io/library/nginx:1']) {
    it(`and back restores the original text ${text}`, () => {
      const original = scan({ parameters: ['-q', text] });
      const there = to(bind(original), 'google.example/a:1', OTHER);
      const further = to(there, 'azure.example/b:1');
      const back = to(further, 'docker.io/library/nginx:1');
      assert.deepEqual(back, bind(original));
      assert.equal(JSON.stringify(unbind(back).spec), JSON.stringify(original.spec));
    });
  }

  it("updates the image of autodiscovery's init container for its restoration", () => {
    const image = `aws.example/app@${DIGEST}`;
    const extraction = { name: 'secret-extraction-to-env', args: [image, 'temporary-secret-x'] };
    const bound = bind(scan({ parameters: [image], initContainers: [extraction] }));
    const after = `google.example/app@${DIGEST}`;
    const { initContainers } = unbind(to(bound, after)).spec.scanSpec;
    assert.deepEqual(initContainers, [{ ...extraction, args: [after, 'temporary-secret-x'] }]);
  });

  it('does not trust the restore annotation', () => {
    const bound = bind(scan({ parameters: ['aws.example/app:1'] }));
    const note = { delivery: DELIVERY, added: [], imageText: '--output=/etc/passwd' };
    const annotations = {
      ...bound.metadata.annotations,
      'image-credential-binding/restore': JSON.stringify(note),
    };
    const migrated = to({ ...bound, metadata: { ...bound.metadata, annotations } }, 'google.example/app:1');
    assert.deepEqual(migrated.spec.scanSpec.parameters, ['google.example/app:1']);
  });
});

describe("autodiscovery's init container", () => {
  const extraction = {
    name: 'secret-extraction-to-env',
    args: ['reg.example/app@sha256:0', 'temporary-secret-app'],
    volumeMounts: [
      { name: 'pull-volume', mountPath: '/secrets/pull' },
      { name: 'shared', mountPath: '/secrets/shared' },
      { name: 'cache', mountPath: '/cache' },
    ],
  };
  const clone = { name: 'clone', volumeMounts: [{ name: 'shared' }] };
  const env = [{ name: 'TRIVY_USERNAME', valueFrom: { secretKeyRef: { name: 'temporary-secret-app' } } }];
  const secretVolume = (name: string) => ({ name, secret: { secretName: name } });
  const cache = { name: 'cache', emptyDir: {} };
  const original = scan({
    env,
    initContainers: [extraction, clone],
    volumes: [secretVolume('pull-volume'), secretVolume('shared'), cache],
  });

  it('is removed with the Secrets that only it mounts, and restored at its position', () => {
    const bound = bind(original);
    const { initContainers, volumes = [], env: boundEnv } = bound.spec.scanSpec;
    assert.deepEqual(initContainers, [clone]);
    assert.deepEqual(
      volumes.map(({ name }) => name),
      ['shared', 'cache', VOLUME_NAME],
    );
    assert.deepEqual(boundEnv, [...env, ...DELIVERY.env]);
    assert.equal(readScheduledScan(bound).bound?.intact, true);
    assert.equal(JSON.stringify(unbind(bound).spec), JSON.stringify(original.spec));
  });

  it('is removed even if no credential is needed, because it would fail', () => {
    const bind_ = { edit: 'Bind', binding: 'app', delivery: undefined } as const;
    const bound = editScheduledScan(original, bind_);
    const changed = bound.result === 'Changed' ? bound.scan : assert.fail(bound.result);
    assert.deepEqual(changed.spec.scanSpec.initContainers, [clone]);
    assert.deepEqual(changed.spec.scanSpec.env, env);
    assert.deepEqual(editScheduledScan(changed, bind_), { result: 'Unchanged' });
    assert.equal(readScheduledScan(changed).bound?.intact, true);
    assert.deepEqual(unbind(changed).spec, original.spec);
  });

  it('leaves no empty list if it was the only one', () => {
    const alone = scan({ initContainers: [extraction], volumes: [secretVolume('pull-volume')] });
    const bound = bind(alone);
    assert.equal('initContainers' in bound.spec.scanSpec, false);
    assert.deepEqual(unbind(bound).spec, alone.spec);
  });

  it('is removed again if another client adds it back, and then restored once', () => {
    const bound = bind(original);
    const scanSpec = { ...bound.spec.scanSpec, initContainers: [extraction] };
    const disturbed = { ...bound, spec: { ...bound.spec, scanSpec } };
    assert.equal(readScheduledScan(disturbed).bound?.intact, false);
    const again = bind(disturbed);
    assert.equal('initContainers' in again.spec.scanSpec, false);
    assert.deepEqual(unbind(again).spec.scanSpec.initContainers, [extraction]);
  });

  it('is not restored from a corrupted annotation', () => {
    const bound = bind(original);
    const note = 'image-credential-binding/restore';
    const restore = JSON.parse(bound.metadata.annotations?.[note] ?? '{}') as object;
    const placed = { initContainers: [{ index: 0, entry: extraction }], volumes: [] };
    for (const removed of [
      1,
      {},
      { ...placed, volumes: [{ index: 'x', entry: {} }] },
      { initContainers: [null] },
    ]) {
      const annotations = { ...bound.metadata.annotations, [note]: JSON.stringify({ ...restore, removed }) };
      const raw = { ...bound, metadata: { ...bound.metadata, annotations } };
      assert.deepEqual(unbind(raw).spec.scanSpec.initContainers, [clone], JSON.stringify(removed));
    }
  });
});

describe('unbinding a ScheduledScan', () => {
  const entry = fc.record({
    name: fc.constantFrom('A', 'DOCKER_CONFIG', 'TRIVY_USERNAME'),
    value: fc.constantFrom('', '/creds', 'x'),
  });
  const volume = fc.record({ name: fc.constantFrom('a', 'b') });
  const container = fc.record(
    {
      name: fc.constantFrom('clone', 'secret-extraction-to-env'),
      volumeMounts: fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'pull-volume') })),
    },
    { requiredKeys: ['name'] },
  );
  const secret = fc.record({
    name: fc.constantFrom('a', 'pull-volume', 'spare-volume'),
    secret: fc.record({ secretName: fc.constantFrom('pull', 'spare') }),
  });
  const byName = <T extends { readonly name: string }>(entries: fc.Arbitrary<T>) =>
    fc.uniqueArray(entries, { selector: ({ name }) => name });
  const anySpec = fc.record(
    {
      env: fc.array(entry),
      initContainers: byName(container),
      volumes: byName(fc.oneof(volume, secret)),
      volumeMounts: fc.array(
        fc.record({ name: fc.constantFrom('a', 'b'), mountPath: fc.constantFrom('/a', '/b') }),
      ),
    },
    { requiredKeys: [] },
  );

  it('restores exactly the original spec after any number of bindings', () => {
    fc.assert(
      fc.property(
        anySpec,
        fc.array(fc.constantFrom(DELIVERY, OTHER, undefined), { minLength: 1 }),
        (spec, deliveries) => {
          // Objects from the API server have a prototype, and the records of fast-check have none, so clone them.
          const original = structuredClone(scan(spec, { 'example.org/note': 'theirs' }));
          let current = original;
          for (const delivery of deliveries) {
            const result = editScheduledScan(current, { edit: 'Bind', binding: 'app', delivery });
            if (result.result === 'Changed') current = result.scan;
          }
          assert.deepEqual(unbind(current), original);
        },
      ),
    );
  });

  it('keeps an entry that another client has changed', () => {
    const bound = bind(scan());
    const env = [{ name: 'DOCKER_CONFIG', value: '/tmp' }, ...(bound.spec.scanSpec.env ?? []).slice(1)];
    const raw = { ...bound, spec: { ...bound.spec, scanSpec: { ...bound.spec.scanSpec, env } } };
    assert.deepEqual(unbind(raw).spec.scanSpec.env, [{ name: 'DOCKER_CONFIG', value: '/tmp' }]);
  });

  it('removes the volume and the mount even if the restore annotation is corrupted', () => {
    const bound = bind(scan());
    const annotations = { ...bound.metadata.annotations, 'image-credential-binding/restore': 'corrupted' };
    const raw = { ...bound, metadata: { ...bound.metadata, annotations } };
    assert.equal(readScheduledScan(raw).bound?.intact, false);
    const { volumes, volumeMounts } = unbind(raw).spec.scanSpec;
    assert.deepEqual({ volumes, volumeMounts }, { volumes: [], volumeMounts: [] });
  });

  it('ignores a huge restore annotation', () => {
    const bound = bind(scan());
    const entries = Array.from({ length: 10_000 }, (_, index) => ({ name: `E${index}`, value: '' }));
    const restore = JSON.stringify({ delivery: { ...DELIVERY, env: entries }, added: [] });
    const annotations = { ...bound.metadata.annotations, 'image-credential-binding/restore': restore };
    const raw = { ...bound, metadata: { ...bound.metadata, annotations } };
    assert.equal(readScheduledScan(raw).bound?.intact, false);
    assert.equal(readScheduledScan(raw).bound?.delivery, undefined);
  });

  it('does nothing to a scan that is not bound', () => {
    assert.deepEqual(editScheduledScan(scan(), { edit: 'Unbind' }), { result: 'Unchanged' });
  });
});

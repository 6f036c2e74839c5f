import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BINDING_ANNOTATION, HELD_ANNOTATION } from '../../../src/api/names.ts';
import { VOLUME_NAME } from '../../../src/scan/delivery.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { editScan, endHold, holdScan, readNewScan } from '../../../src/scan/scan.ts';
import type { ScanDelivery } from '../../../src/scan/scan-delivery.ts';
import type { ScanEdit } from '../../../src/scan/scheduled-scan.ts';

const PATH = '/var/run/secrets/image-credential-binding';
const DELIVERY: ScanDelivery = {
  secretName: 'trivy-pull-123456',
  mountPath: PATH,
  env: [
    { name: 'DOCKER_CONFIG', value: PATH },
    { name: 'DOCKER_AUTH_CONFIG', value: '' },
    { name: 'TRIVY_USERNAME', value: '' },
  ],
};
const OTHER: ScanDelivery = {
  secretName: 'trivy-cloud-654321',
  mountPath: PATH,
  env: [
    { name: 'GOOGLE_APPLICATION_CREDENTIALS', value: `${PATH}/key.json` },
    { name: 'TRIVY_PASSWORD', value: '' },
  ],
};

function scan(spec: Partial<RawScan['spec']> = {}, annotations?: Record<string, string>): RawScan {
  const metadata = { namespace: 'ns', name: 'scan', ...(annotations === undefined ? {} : { annotations }) };
  return {
    metadata,
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1'], suspend: false, ...spec },
  };
}

function edit(raw: RawScan, how: ScanEdit): RawScan {
  const result = editScan(raw, how);
  return result.result === 'Edited' ? result.scan : assert.fail(`expected an edit, found ${result.result}`);
}

function bind(raw: RawScan, delivery: ScanDelivery | undefined = DELIVERY): RawScan {
  return edit(raw, { edit: 'Bind', binding: 'app', delivery });
}

/** As a Go program writes it. */
function copied(raw: RawScan): RawScan {
  const env = raw.spec.env?.map((entry: { name: string; value?: string }) =>
    entry.value === '' ? { name: entry.name } : entry,
  );
  return { ...raw, spec: { ...raw.spec, ...(env === undefined ? {} : { env }) } };
}

/** Variables, volumes and mounts of a user, some of which are close to those of the controller. */
const ENV = fc.array(
  fc.oneof(
    fc.record({ name: fc.constantFrom('A', 'B', 'HTTP_PROXY'), value: fc.string() }),
    fc.record({ name: fc.constantFrom('TRIVY_USERNAME', 'AWS_REGION'), value: fc.constantFrom('', 'x') }),
    fc.record({ name: fc.constantFrom('A', 'AWS_REGION') }),
    fc.record({
      name: fc.constantFrom('TRIVY_PASSWORD'),
      valueFrom: fc.record({ secretKeyRef: fc.record({ key: fc.constant('k'), name: fc.constant('s') }) }),
    }),
  ),
  { maxLength: 5 },
);
const SPECS = fc.record(
  {
    env: ENV,
    volumes: fc.array(fc.record({ name: fc.constantFrom('a', 'b'), emptyDir: fc.constant({}) }), {
      minLength: 1,
      maxLength: 2,
    }),
    volumeMounts: fc.array(fc.record({ name: fc.constant('a'), mountPath: fc.constant('/a') }), {
      minLength: 1,
      maxLength: 2,
    }),
  },
  { requiredKeys: [] },
);

describe('editing a Scan', () => {
  it('replaces an inherited delivery by another one, in any notation', () => {
    fc.assert(
      fc.property(SPECS, fc.boolean(), (spec, isCopied) => {
        const asCopied = isCopied ? copied : (raw: RawScan) => raw;
        const inherited = asCopied(bind(scan(spec)));
        assert.deepEqual(bind(inherited, OTHER).spec, bind(asCopied(scan(spec)), OTHER).spec);
      }),
    );
  });

  it('restores what the Scan had, except empty lists', () => {
    fc.assert(
      fc.property(SPECS, fc.boolean(), (spec, isCopied) => {
        const asCopied = isCopied ? copied : (raw: RawScan) => raw;
        const left = edit(asCopied(bind(scan(spec))), { edit: 'Unbind' });
        const { env, ...rest } = spec;
        assert.deepEqual(left.spec, asCopied(scan(env?.length === 0 ? rest : spec)).spec);
      }),
    );
  });

  it('changes nothing if the Scan has the delivery already', () => {
    fc.assert(
      fc.property(SPECS, fc.boolean(), (spec, isCopied) => {
        const bound = bind(scan(spec));
        const inherited = isCopied ? copied(bound) : bound;
        assert.deepEqual(bind(inherited), inherited);
      }),
    );
  });

  it('leaves a Scan alone that has inherited nothing', () => {
    fc.assert(
      fc.property(SPECS, (spec) => {
        const raw = scan(spec, { mine: 'x' });
        assert.deepEqual(edit(raw, { edit: 'Unbind' }), raw);
      }),
    );
  });

  it('removes variables that were inherited without their volume', () => {
    const raw = scan({ env: [{ name: 'A' }, ...DELIVERY.env] });
    assert.deepEqual(edit(raw, { edit: 'Unbind' }).spec.env, [{ name: 'A' }]);
    assert.equal(readNewScan(raw).delivery, undefined);
  });

  it("keeps another client's volume of that name", () => {
    const volumes = [{ name: VOLUME_NAME, secret: { secretName: 'trivy-mine' } }];
    const raw = scan({ volumes });
    assert.deepEqual(edit(raw, { edit: 'Unbind' }).spec.volumes, volumes);
    assert.equal(
      editScan(raw, { edit: 'Bind', binding: 'app', delivery: DELIVERY }).result,
      'VolumeNameTaken',
    );
  });

  it('removes the init container of autodiscovery', () => {
    const raw = scan({ initContainers: [{ name: 'secret-extraction-to-env' }, { name: 'mine' }] });
    assert.deepEqual(bind(raw).spec.initContainers, [{ name: 'mine' }]);
  });
});

describe('a held Scan', () => {
  it('is suspended and marked, and is what it was once the hold ends', () => {
    const raw = scan({}, { mine: 'x' });
    const held = holdScan(raw);
    assert.equal(held.spec.suspend, true);
    assert.equal(readNewScan(held).hold, 'Held');
    assert.deepEqual(endHold(held), raw);
  });

  it('stays suspended if a user has created it so', () => {
    const raw = scan({ suspend: true }, { mine: 'x' });
    const marked = holdScan(raw);
    assert.equal(readNewScan(marked).hold, 'Suspended');
    assert.deepEqual(endHold(marked), raw);
  });

  it('is not one that was resumed, or has another value in the annotation', () => {
    assert.equal(readNewScan(scan({}, { [HELD_ANNOTATION]: 'resume' })).hold, 'None');
    assert.equal(readNewScan(scan({ suspend: true }, { [HELD_ANNOTATION]: 'x' })).hold, 'None');
  });

  it('has no hold once it is bound', () => {
    const bound = bind(holdScan(scan()));
    assert.deepEqual(bound.metadata.annotations, { [BINDING_ANNOTATION]: 'app' });
  });
});

describe('the hold of a Scan', () => {
  const held = (spec: Partial<RawScan['spec']>, value: string, state?: string): RawScan => ({
    ...scan(spec, { [HELD_ANNOTATION]: value }),
    ...(state === undefined ? {} : { status: { state } }),
  });

  it('needs a value that the controller writes, and a Scan that is suspended', () => {
    assert.equal(readNewScan(held({ suspend: true }, 'resume')).hold, 'Held');
    assert.equal(readNewScan(held({ suspend: true }, 'keep-suspended')).hold, 'Suspended');
    assert.equal(readNewScan(held({ suspend: false }, 'resume')).hold, 'None');
    for (const forged of ['', 'x', 'constructor', 'toString', '__proto__'])
      assert.equal(readNewScan(held({ suspend: true }, forged)).hold, 'None', forged);
  });

  it('is over once secureCodeBox has started the Scan, even if a user suspends it again', () => {
    assert.equal(readNewScan(held({ suspend: true }, 'resume', '')).hold, 'Held');
    for (const state of ['Init', 'Scanning', 'Done', 'Errored'])
      assert.equal(readNewScan(held({ suspend: true }, 'resume', state)).hold, 'None', state);
  });
});

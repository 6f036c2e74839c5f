import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type RawBinding, readBinding } from '../../../../src/binding/binding.ts';
import { Previewer } from '../../../../src/controllers/binding/preview.ts';
import { scanTypesOf } from '../../../../src/policy/precedence.ts';
import { type RawScheduledScan, readScheduledScan } from '../../../../src/scan/scheduled-scan.ts';
import { readNamedSecret } from '../../../../src/secret/named-secret.ts';
import type { RawSecret } from '../../../../src/secret/raw-secret.ts';
import { binding, pullSecret, scheduledScan } from '../../../support/explain.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const fitting = pullSecret('pull', { '*.example': { auth: btoa('user:pass') } });
const never = { verification: 'Never' };

/** The conditions of a binding, as `type status reason`, and the previewer's other results. */
function preview(name: string, items: readonly object[], knowsScans = true) {
  const ofKind = <T>(kind: string) => items.filter((item) => 'kind' in item && item.kind === kind) as T[];
  const raw = ofKind<RawScheduledScan>('ScheduledScan');
  const found = new Previewer({
    now: NOW,
    scanTypes: scanTypesOf(['trivy-image*']),
    bindings: ofKind<RawBinding>('ImageCredentialBinding').map(readBinding),
    secrets: new Map(
      ofKind<RawSecret>('Secret').map((object) => [object.metadata.name, readNamedSecret(object)]),
    ),
    scans: raw.map(readScheduledScan),
    rawScans: new Map(knowsScans ? raw.map((scan) => [scan.metadata.name, scan]) : []),
  }).preview(name);
  const conditions = found?.conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  return { ...found, conditions, messages: found?.conditions.map(({ message }) => message).join('\n') };
}

describe('a preview of the conditions of a binding', () => {
  it('exists only for valid bindings', () => {
    const items = [binding('app', { image: 'NOT AN IMAGE' })];
    assert.deepEqual(
      [preview('app', items).conditions, preview('gone', items).conditions],
      [undefined, undefined],
    );
  });

  it('counts ScheduledScans as bound, also if their run is due, and with or without their whole spec', () => {
    const items = [fitting, binding('app', never), scheduledScan('scan', ['reg.example/app:1'])];
    for (const knowsScans of [true, false]) {
      const { conditions, messages } = preview('app', items, knowsScans);
      assert.ok(conditions?.includes('ScansBound True Bound'), String(conditions));
      assert.match(messages ?? '', /^1 scan bound$/m);
    }
  });

  it('ignores the status of a binding', () => {
    const status = {
      credential: { repository: 'reg.example/old', secret: { name: 'x', uid: '' }, registryKey: 'x' },
    };
    const before = preview('app', [fitting, binding('app', never)]);
    assert.deepEqual(preview('app', [fitting, { ...binding('app', never), status }]), before);
  });

  it('is about the state after all migrations', () => {
    const items = [
      fitting,
      binding('new', { ...never, image: 'reg.example/new', replaces: ['reg.example/app'] }),
      binding('watch', { ...never, mode: 'Observe' }),
      scheduledScan('scan', ['reg.example/app:1']),
    ];
    assert.match(preview('new', items).messages ?? '', /^1 scan bound$/m);
    // Before its migration, the scan would have had another effective binding.
    assert.match(preview('watch', items).messages ?? '', /^would bind 0 scans\. /m);
  });

  it('reports a volume that is in the way', () => {
    const scan = scheduledScan('scan', ['reg.example/app:1']) as unknown as RawScheduledScan;
    const volumes = [{ name: 'image-credential-binding' }];
    const taken = { ...scan, spec: { ...scan.spec, scanSpec: { ...scan.spec.scanSpec, volumes } } };
    const { conditions } = preview('app', [fitting, binding('app', never), taken]);
    assert.ok(conditions?.includes('ScansBound False VolumeNameTaken'), String(conditions));
  });

  it('assumes that an image is not public, and that no registry has answered', () => {
    const of = (verification: string, ...items: readonly object[]) =>
      preview('app', [binding('app', { verification }), ...items]).conditions?.slice(0, 2);
    assert.deepEqual(of('Preferred'), [
      'Ready False SecretNotFound',
      'CredentialResolved False SecretNotFound',
    ]);
    assert.deepEqual(of('Preferred', fitting), ['Ready True Ready', 'CredentialResolved True Selected']);
    assert.deepEqual(of('Required', fitting), ['Ready False Verifying', 'CredentialResolved True Found']);
  });

  it('checks with no registry whether a binding without Secrets, or a migration, works', () => {
    const items = [
      binding('app', { imagePullSecrets: [], replaces: ['reg.example/old'] }),
      scheduledScan('scan', ['reg.example/old:1']),
    ];
    assert.deepEqual(preview('app', items).conditions, [
      'Ready False Waiting',
      'CredentialResolved True NoneNeeded',
      'CredentialVerified Unknown Verifying',
      'ScansBound False Waiting',
      'Reconciling True Waiting',
    ]);
  });

  it('knows which credential has expired', () => {
    const token = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.c2ln`;
    const secret = (exp: number) =>
      pullSecret('pull', { 'reg.example': { auth: btoa(`user:${token(exp)}`) } });
    const of = (exp: number) => preview('app', [secret(exp), binding('app', {})]).conditions?.[0];
    assert.deepEqual(
      [of(NOW / 1_000), of(NOW / 1_000 + 86_400 * 30)],
      ['Ready False Expired', 'Ready True Ready'],
    );
  });

  it('reports a limit', () => {
    const items = [
      binding('app', { ...never, imagePullSecrets: [], replaces: ['reg.example/old'] }),
      binding('old', {
        ...never,
        imagePullSecrets: [],
        image: 'reg.example/old',
        replaces: ['reg.example/app'],
      }),
    ];
    assert.equal(preview('app', items).limit, 'ReplacesCycle');
  });

  it('finds that a Secret of the controller, or one without the annotation, cannot be used', () => {
    const metadata = { labels: { 'app.kubernetes.io/managed-by': 'image-credential-binding' } };
    const managed = pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } }, metadata);
    const opaque = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pull' }, type: 'Opaque', data: {} };
    const of = (secret: object) => preview('app', [secret, binding('app', never)]).conditions?.[1];
    assert.equal(of(managed), 'CredentialResolved False SecretWrongType');
    assert.equal(of(opaque), 'CredentialResolved False NotAnnotated');
  });
});

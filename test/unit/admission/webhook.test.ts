import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { patchOf } from '../../../src/admission/patch.ts';
import { type AdmissionResult, Webhook, type WebhookOptions } from '../../../src/admission/webhook.ts';
import { BINDING_ANNOTATION, HELD_ANNOTATION } from '../../../src/api/names.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { editScan } from '../../../src/scan/scan.ts';
import type { ScanDecision } from '../../../src/scan/scan-decision.ts';

const DELIVERY = {
  secretName: 'trivy-pull-123456',
  mountPath: '/var/run/secrets/image-credential-binding',
  env: [{ name: 'DOCKER_CONFIG', value: '/var/run/secrets/image-credential-binding' }],
};
const KIND = { group: 'execution.securecodebox.io', version: 'v1', kind: 'Scan' };

function scan(spec: object = {}, metadata: object = {}) {
  return {
    metadata: { generateName: 'scan-', ...metadata },
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1'], suspend: false, ...spec },
  };
}

function review(object: unknown, request: object = {}): string {
  const common = { uid: 'uid-1', kind: KIND, operation: 'CREATE', namespace: 'ns', name: '' };
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { ...common, ...request, object },
  });
}

/** Binds each Scan. */
function bind(raw: RawScan): ScanDecision {
  const edited = editScan(raw, { edit: 'Bind', binding: 'app', delivery: DELIVERY });
  if (edited.result !== 'Edited') throw new Error(edited.result);
  return { result: 'Bind', binding: 'app', scan: edited.scan };
}

function openDecision(raw: RawScan): ScanDecision {
  return { result: 'Open', binding: 'app', reason: 'Verification', awaitsSecret: false, scan: raw };
}

/** The parsed answer of a webhook, and what it counted. */
function answer(body: string, options: Partial<WebhookOptions> = {}) {
  const counted: AdmissionResult[] = [];
  const webhook = new Webhook({
    decide: bind,
    isComplete: () => true,
    log: pino({ level: 'silent' }),
    onAnswer: (result) => counted.push(result),
    ...options,
  });
  const text = webhook.answer(body);
  if (text === undefined) return { counted, response: undefined, patch: undefined };
  const { response } = JSON.parse(text) as {
    readonly response: { readonly uid: string; readonly allowed: boolean; readonly patch?: string };
  };
  const patch =
    response.patch === undefined
      ? undefined
      : (JSON.parse(Buffer.from(response.patch, 'base64').toString()) as readonly {
          readonly op: string;
          readonly path: string;
          readonly value?: unknown;
        }[]);
  return { counted, response, patch };
}

describe('the webhook for new Scans', () => {
  it('patches whole lists and the whole map of annotations', () => {
    const { counted, response, patch } = answer(review(scan()));
    assert.deepEqual(counted, ['Bound']);
    assert.deepEqual(
      { ...response, patch: undefined, patchType: undefined },
      {
        uid: 'uid-1',
        allowed: true,
        patch: undefined,
        patchType: undefined,
      },
    );
    assert.deepEqual(
      patch?.map(({ op, path }) => `${op} ${path}`),
      ['add /metadata/annotations', 'add /spec/env', 'add /spec/volumes', 'add /spec/volumeMounts'],
    );
    assert.deepEqual(patch?.[0]?.value, { [BINDING_ANNOTATION]: 'app' });
  });

  it('gives the same answer to a dry run, and does not count it', () => {
    const { counted, patch } = answer(review(scan(), { dryRun: true }));
    assert.deepEqual(patch, answer(review(scan())).patch);
    assert.deepEqual(counted, []);
  });

  it('holds a Scan whose decision is open', () => {
    const { counted, patch } = answer(review(scan()), { decide: openDecision });
    assert.deepEqual(counted, ['Held']);
    assert.deepEqual(patch, [
      { op: 'add', path: '/metadata/annotations', value: { [HELD_ANNOTATION]: 'resume' } },
      { op: 'add', path: '/spec/suspend', value: true },
    ]);
  });

  it('marks a Scan that a user has created suspended, and does not make it one to resume', () => {
    const { patch } = answer(review(scan({ suspend: true })), { decide: openDecision });
    assert.deepEqual(patch, [
      { op: 'add', path: '/metadata/annotations', value: { [HELD_ANNOTATION]: 'keep-suspended' } },
    ]);
  });

  it('does not change a Scan that it has held, if it is called twice', () => {
    const held = scan({ suspend: true }, { annotations: { [HELD_ANNOTATION]: 'resume' } });
    for (const decide of [bind, openDecision])
      assert.equal(answer(review(held), { decide }).patch, undefined);
  });

  it('does not take an inherited annotation for a hold', () => {
    const child = scan({}, { annotations: { [HELD_ANNOTATION]: 'resume' } });
    const { patch } = answer(review(child));
    assert.deepEqual(patch?.[0]?.value, { [BINDING_ANNOTATION]: 'app' });
    assert.equal(
      patch?.some(({ path }) => path === '/spec/suspend'),
      false,
    );
  });

  it('holds nothing if the CRD does not know suspend', () => {
    const { counted, patch } = answer(review(scan({ suspend: undefined })), { decide: openDecision });
    assert.deepEqual(counted, ['Unbound']);
    assert.equal(patch, undefined);
  });

  it('does not decide before the namespace is known', () => {
    const { counted, response, patch } = answer(review(scan()), { isComplete: () => false });
    assert.deepEqual(counted, ['Unready']);
    assert.equal(response?.allowed, true);
    assert.equal(patch, undefined);
  });

  it('counts an error in the patch as an error, and allows the Scan', () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    const body = review(scan({ env: [{ name: 'A', value: 'deep' }] })).replace('"deep"', deep);
    const { counted, response, patch } = answer(body);
    assert.deepEqual(counted, ['Error']);
    assert.equal(response?.allowed, true);
    assert.equal(patch, undefined);
  });

  it('logs at most one error per second, because any client can cause them', () => {
    const lines: string[] = [];
    const webhook = new Webhook({
      decide: () => {
        throw new Error('reg.example/app:1');
      },
      isComplete: () => true,
      log: pino({ level: 'error' }, { write: (line) => void lines.push(line) }),
      onAnswer: () => undefined,
    });
    for (let count = 0; count < 20; count += 1) webhook.answer(review(scan()));
    // A busy machine may need longer than a second for some of them.
    assert.ok(lines.length >= 1 && lines.length < 20, String(lines.length));
    assert.doesNotMatch(lines.join(''), /reg\.example/);
  });

  it('does not add an annotation to those that already have the largest size', () => {
    const size = 256 * 1024;
    const withBytes = (bytes: number) => review(scan({}, { annotations: { a: 'x'.repeat(bytes - 1) } }));
    const cases = [
      { decide: bind, own: BINDING_ANNOTATION.length + 'app'.length, fitting: 'Bound' },
      { decide: openDecision, own: HELD_ANNOTATION.length + 'resume'.length, fitting: 'Held' },
    ];
    for (const { decide, own, fitting } of cases) {
      assert.deepEqual(answer(withBytes(size - own), { decide }).counted, [fitting]);
      const { counted, response, patch } = answer(withBytes(size - own + 1), { decide });
      assert.deepEqual(counted, ['Unbound']);
      assert.equal(response?.allowed, true);
      assert.equal(patch, undefined);
    }
  });

  it('allows a Scan if the decision fails', () => {
    const decide = () => {
      throw new Error('reg.example/app:1');
    };
    const { counted, response, patch } = answer(review(scan()), { decide });
    assert.deepEqual(counted, ['Error']);
    assert.equal(response?.allowed, true);
    assert.equal(patch, undefined);
  });

  describe('allows without a patch', () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    const bodies: Readonly<Record<string, string>> = {
      'an update': review(scan(), { operation: 'UPDATE' }),
      'another kind': review(scan(), { kind: { ...KIND, kind: 'ScheduledScan' } }),
      'another group': review(scan(), { kind: { ...KIND, group: 'example.org' } }),
      'a subresource': review(scan(), { subResource: 'status' }),
      'no object': review(null),
      'parameters that are a text': review(scan({ parameters: 'reg.example/app:1' })),
      'a number among the parameters': review(scan({ parameters: [1] })),
      'a volume without a name': review(scan({ volumes: [{}] })),
      'annotations that are no texts': review(scan({}, { annotations: { a: 1 } })),
      'a Scan that is nested deeply': review(scan()).replace('"suspend":false', `"x":${deep}`),
    };
    for (const [what, body] of Object.entries(bodies)) {
      it(what, () => {
        const { response, patch } = answer(body, {
          decide: (raw) => {
            if (what !== 'a Scan that is nested deeply') throw new Error('decided');
            return bind(raw);
          },
        });
        assert.equal(response?.allowed, true);
        if (what !== 'a Scan that is nested deeply') assert.equal(patch, undefined);
      });
    }
  });

  it('refuses to answer what is not an AdmissionReview', () => {
    const bodies = [
      '',
      '{',
      'null',
      '[]',
      '{"apiVersion":"admission.k8s.io/v1"}',
      review(scan(), { uid: 'x'.repeat(129) }),
    ];
    for (const body of bodies) {
      const { response, counted } = answer(body);
      assert.equal(response, undefined, body);
      assert.deepEqual(counted, ['Error']);
    }
  });
});

describe('the patch of a Scan', () => {
  it('removes only what the Scan has', () => {
    const raw = scan({ env: [{ name: 'A' }] }) as unknown as RawScan;
    const { env: _, ...spec } = raw.spec;
    assert.deepEqual(patchOf(raw, { ...raw, spec }), [{ op: 'remove', path: '/spec/env' }]);
  });
});

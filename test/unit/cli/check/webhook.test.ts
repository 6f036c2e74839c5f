import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { issueAuthority } from '../../../../src/certificate/issue.ts';
import { controllerOf } from '../../../../src/cli/check/controller.ts';
import { type RegisteredWebhook, type Trial, webhookItem } from '../../../../src/cli/check/webhook.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const CONTROLLER = controllerOf({
  ...{ namespace: 'icb', name: 'icb', labels: {}, created: '', replicas: 2, ready: 2, image: '' },
  serviceAccount: 'icb',
  args: ['controller', '--admission=:9443'],
});

describe('what check says about the webhook', () => {
  let authority: string;
  before(async () => {
    authority = (await issueAuthority(NOW)).certificate;
  });

  const webhook = (caBundle: string): RegisteredWebhook => ({
    configuration: 'icb',
    service: 'icb-webhook',
    caBundle,
  });
  const item = (registered: RegisteredWebhook | undefined, trial: Trial, ready = 1, now = NOW) =>
    webhookItem(CONTROLLER, { result: 'Seen', value: registered }, now, {
      endpoints: { result: 'Seen', value: ready },
      trial,
    });

  it('is ok if a Scan shows that it is called, and says how long the authority is valid', () => {
    assert.deepEqual(item(webhook(authority), 'Called'), {
      state: 'ok',
      check: 'admission',
      message: 'API servers call the webhook for Scans; its authority is valid until 2036-11-27T12:00:00Z',
      advice: null,
    });
  });

  const YEARS = 11 * 365 * 86_400_000;
  const cases: readonly (readonly [string, () => ReturnType<typeof item>, RegExp])[] = [
    ['is not registered', () => item(undefined, 'Hidden'), /no MutatingWebhookConfiguration calls a Service/],
    ['has no caBundle', () => item(webhook(''), 'NotCalled'), /configuration icb has no caBundle/i],
    [
      'has an expired caBundle',
      () => item(webhook(authority), 'NotCalled', 1, NOW + YEARS),
      /has a caBundle that has expired/,
    ],
    [
      'has no ready pod',
      () => item(webhook(authority), 'NotCalled', 0),
      /no pod behind the Service icb\/icb-webhook/,
    ],
    ['does not answer', () => item(webhook(authority), 'NotCalled'), /did not answer for a Scan/],
  ];
  for (const [title, found, message] of cases)
    it(`is missing if it ${title}, so that new Scans start without the credential`, () => {
      const { state, message: text, advice } = found();
      assert.equal(state, 'missing');
      assert.match(text, message);
      assert.match(text, /so new Scans start without the credential$/);
      assert.ok(advice);
    });

  it('is a warning if the rights of the user do not suffice', () => {
    assert.equal(webhookItem(CONTROLLER, { result: 'Hidden' }, NOW).state, 'warning');
    assert.equal(item(webhook(authority), 'Hidden').state, 'warning');
  });
});

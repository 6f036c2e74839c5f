import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redaction } from '../../../../hack/scenario/redaction.ts';

const PASSWORD = 'canary-5Hq';
const KEY = '-----BEGIN KEY-----\nMIIEvQ==\n-----END KEY-----\n';
const LOGIN = Buffer.from(`reader:${PASSWORD}`).toString('base64');

describe('redaction', () => {
  const cases: Readonly<Record<string, readonly [hidden: string, text: string]>> = {
    'a password': [PASSWORD, `login with ${PASSWORD} failed`],
    'a password in base64': [PASSWORD, Buffer.from(PASSWORD).toString('base64')],
    'the password in an entry of a Docker config file': [
      JSON.stringify({ auths: { 'reg.example': { auth: LOGIN } } }),
      `${LOGIN} is reader:${PASSWORD}`,
    ],
    'a value in a file of assignments': [
      `[default]\naws_secret_access_key = ${PASSWORD}\n`,
      `key ${PASSWORD}`,
    ],
    'a line of a private key that is a value of its own': [KEY, 'cannot read MIIEvQ=='],
    'a line of a private key': [JSON.stringify({ private_key: KEY }), 'cannot read MIIEvQ=='],
  };
  for (const [what, [hidden, text]] of Object.entries(cases)) {
    it(`removes ${what}`, () => {
      const redaction = new Redaction();
      redaction.hide(hidden);
      const redacted = redaction.redact(text);
      for (const value of [PASSWORD, LOGIN, 'MIIEvQ==', Buffer.from(PASSWORD).toString('base64')])
        assert.ok(!redacted.includes(value), redacted);
      assert.match(redacted, /\[redacted\]/);
    });
  }

  it('keeps the hosts of a Docker config file, and other text', () => {
    const redaction = new Redaction();
    redaction.hide(JSON.stringify({ auths: { 'reg.example': { auth: LOGIN } } }));
    assert.equal(redaction.redact('reg.example refused it'), 'reg.example refused it');
  });
});

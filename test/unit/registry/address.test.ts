import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressKind } from '../../../src/registry/http/address.ts';

const TABLE = {
  local: [
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'ff02::1',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    '[::1]',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
    '2002:a9fe:a9fe::1',
    '2001:0:7f00:1::',
    '2001:0:102:304:0:0:80ff:fffe',
    '::ffff:0:127.0.0.1',
    '2001:db8::5efe:127.0.0.1',
    '2001:db8::200:5efe:a9fe:a9fe',
    'localhost',
    '',
    '1.2.3',
    '1::2::3',
    'fe80::1%',
  ],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '198.18.0.1',
    'fc00::1',
    'fd12:3456::1',
    'fec0::1',
    '::ffff:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::8.8.8.8',
    '2002:a00:1::',
    '[fd00::1]',
  ],
  public: [
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '169.253.1.1',
    '223.255.255.255',
    '2606:4700::1111',
    '2001:4860:4860::8888',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
    '[2606:4700::1]',
  ],
} as const;

describe('an address', () => {
  for (const [kind, addresses] of Object.entries(TABLE)) {
    for (const address of addresses) {
      it(`${address || 'that is empty'} is ${kind}`, () => assert.equal(addressKind(address), kind));
    }
  }

  it('in IPv6 has the same kind as the IPv4 address that it contains', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom('::ffff:', '64:ff9b::', '::'), (address, prefix) => {
        assert.equal(addressKind(`${prefix}${address}`), addressKind(address));
      }),
    );
  });

  it('has a kind for any text, and the same one in every notation', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), fc.ipV4(), fc.string()), (text) => {
        const kind = addressKind(text);
        if (isIP(text) === 6 && !text.includes('%'))
          assert.equal(addressKind(new URL(`http://[${text}]`).hostname), kind);
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { bundleOf, type Content, dataOf, readContent } from '../../../src/certificate/content.ts';
import { expiresAt, splitCertificates } from '../../../src/certificate/key-pair.ts';
import {
  completed,
  isRenewalDue,
  isReplacementDue,
  renewed,
  replaced,
} from '../../../src/certificate/renewal.ts';
import { BasicConstraintsExtension, X509CertificateGenerator } from '../../../src/certificate/x509.ts';

const HOST = 'icb-webhook.icb.svc';
const DAY = 86_400_000;
const NOW = Date.now();

type Data = Readonly<Record<string, string>>;

/** The authority of another program, with another kind of key, as data of the Secret. */
async function foreignAuthority(): Promise<Data> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Company CA',
    notBefore: new Date(NOW - DAY),
    notAfter: new Date(NOW + 3_000 * DAY),
    signingAlgorithm: algorithm,
    keys: {
      privateKey: privateKey.toCryptoKey(algorithm, false, ['sign']),
      publicKey: publicKey.toCryptoKey(algorithm, true, ['verify']),
    },
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { 'ca.crt': btoa(certificate.toString('pem')), 'ca.key': btoa(key.toString()) };
}

/** Everything new, as of this time. */
async function created(now = NOW): Promise<Content> {
  return completed({ result: 'NoAuthority', problem: '' }, HOST, now);
}

describe('the certificates of the webhook', () => {
  it('are an authority that signs only serving certificates, and one for the name of the Service', async () => {
    const { authority, serving } = await created();
    const ca = new X509Certificate(authority.certificate);
    const leaf = new X509Certificate(serving.certificate);
    assert.equal(ca.ca, true);
    assert.equal(leaf.ca, false);
    assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
    assert.equal(leaf.subjectAltName, `DNS:${HOST}`);
    assert.equal(Math.round((expiresAt(serving.certificate) - NOW) / DAY), 90);
    assert.equal(Math.round((expiresAt(authority.certificate) - NOW) / DAY), 3_650);
  });

  it('let a client that trusts only the authority connect to the server', async () => {
    const { authority, serving } = await created();
    const server = createServer({ cert: serving.certificate, key: serving.key }, (_, response) =>
      response.end('ok'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const request = (ca: string, servername: string) =>
      new Promise<string | undefined>((resolve) => {
        get({ host: '127.0.0.1', port, ca, servername, agent: false }, (response) =>
          resolve(String(response.statusCode)),
        ).on('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
      });
    assert.equal(await request(authority.certificate, HOST), '200');
    assert.equal(await request(authority.certificate, 'other.icb.svc'), 'ERR_TLS_CERT_ALTNAME_INVALID');
    const other = await created();
    assert.match((await request(other.authority.certificate, HOST)) ?? '', /UNABLE_TO_VERIFY|CERT_SIGNATURE/);
    server.close();
  });

  it('are read from the Secret as they were written', async () => {
    const content = await created();
    assert.deepEqual(readContent(dataOf(content), HOST, NOW), { result: 'Usable', content });
  });

  it('stay valid for 30 days after the renewal is due', async () => {
    const content = await created();
    assert.equal(isRenewalDue(content, NOW + 59 * DAY), false);
    assert.equal(isRenewalDue(content, NOW + 61 * DAY), true);
  });

  it('are renewed with the same authority, and another key', async () => {
    const content = await created();
    const next = await renewed(content, HOST, NOW + 70 * DAY);
    assert.deepEqual(next.authority, content.authority);
    assert.notEqual(next.serving.key, content.serving.key);
    assert.equal(readContent(dataOf(next), HOST, NOW + 70 * DAY).result, 'Usable');
  });

  it('are not renewed again and again when the authority expires first', async () => {
    const content = await created();
    const now = expiresAt(content.authority.certificate) - 5 * DAY;
    assert.equal(readContent(dataOf(content), HOST, now).result, 'NoServing');
    const last = await renewed(content, HOST, now);
    assert.equal(expiresAt(last.serving.certificate), expiresAt(content.authority.certificate));
    assert.equal(isRenewalDue(last, now), false);
  });

  it('trust the previous authority after a replacement, and at most three together', async () => {
    const first = await created();
    assert.equal(isReplacementDue(first, NOW + 1_000 * DAY), false);
    assert.equal(isReplacementDue(first, NOW + 1_900 * DAY), true);
    let content = first;
    for (let round = 0; round < 4; round += 1) {
      content = await replaced(content, HOST, NOW);
      const read = readContent(dataOf(content), HOST, NOW);
      assert.equal(read.result, 'Usable');
      if (read.result === 'Usable') content = read.content;
      const bundle = splitCertificates(bundleOf(content));
      assert.equal(bundle.length, Math.min(round + 2, 3));
      assert.equal(bundle[0], content.authority.certificate);
      if (round === 0) assert.equal(bundle[1], first.authority.certificate);
    }
  });
});

describe('readContent', () => {
  const cases: readonly {
    readonly title: string;
    readonly change: (data: Data, other: Content) => Data | Promise<Data>;
    readonly result: string;
    readonly problem: RegExp;
    readonly days?: number;
    readonly host?: string;
  }[] = [
    { title: 'an empty Secret', change: () => ({}), result: 'NoAuthority', problem: /no authority/ },
    {
      title: 'an authority with another key',
      change: (data, other) => ({ ...data, 'ca.key': btoa(other.authority.key) }),
      result: 'NoAuthority',
      problem: /cannot be used together/,
    },
    {
      title: 'a serving certificate in the place of the authority',
      change: (data) => ({ ...data, 'ca.crt': data['tls.crt'] ?? '', 'ca.key': data['tls.key'] ?? '' }),
      result: 'NoAuthority',
      problem: /cannot be used together/,
    },
    {
      title: 'text that is no certificate',
      change: (data) => ({ ...data, 'tls.crt': btoa('x') }),
      result: 'NoServing',
      problem: /cannot be used together/,
    },
    {
      title: 'a value that is too large',
      change: (data) => ({ ...data, 'tls.crt': 'A'.repeat(100_000) }),
      result: 'NoServing',
      problem: /no serving certificate/,
    },
    {
      title: 'a serving certificate of another authority',
      change: (data, other) => ({
        ...data,
        'ca.crt': dataOf(other)['ca.crt'] ?? '',
        'ca.key': btoa(other.authority.key),
      }),
      result: 'NoServing',
      problem: /another authority/,
    },
    {
      title: 'a serving certificate with another key',
      change: (data, other) => ({ ...data, 'tls.key': btoa(other.serving.key) }),
      result: 'NoServing',
      problem: /cannot be used together/,
    },
    {
      title: 'a serving certificate for another Service',
      change: (data) => ({ ...data }),
      result: 'NoServing',
      problem: /not for other\.icb\.svc/,
      host: 'other.icb.svc',
    },
    {
      title: 'an authority of another program',
      change: async (data) => ({ ...data, ...(await foreignAuthority()) }),
      result: 'NoAuthority',
      problem: /not one that this program has created/,
    },
    {
      title: 'a serving certificate of a clock that was wrong',
      change: async (_, other) => dataOf(await renewed(other, HOST, NOW + 10 * DAY)),
      result: 'NoServing',
      problem: /serving certificate is not valid yet/,
    },
    {
      title: 'an authority of a clock that was wrong',
      change: (data) => ({ ...data }),
      result: 'NoAuthority',
      problem: /authority is not valid yet/,
      days: -10,
    },
    {
      title: 'an expired serving certificate',
      change: (data) => ({ ...data }),
      result: 'NoServing',
      problem: /serving certificate has expired/,
      days: 91,
    },
    {
      title: 'an expired authority',
      change: (data) => ({ ...data }),
      result: 'NoAuthority',
      problem: /authority has expired/,
      days: 3_651,
    },
  ];

  for (const { title, change, result, problem, days = 0, host = HOST } of cases)
    it(`says what is wrong with ${title}, and quotes no key`, async () => {
      const content = await created();
      const data = await change(dataOf(content), await created());
      const read = readContent(data, host, NOW + days * DAY);
      assert.equal(read.result, result);
      assert.ok('problem' in read);
      assert.match(read.problem, problem);
      assert.doesNotMatch(read.problem, /PRIVATE|BEGIN/);
      assert.equal(readContent(dataOf(await completed(read, host, NOW)), host, NOW).result, 'Usable');
    });
});

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  type X509Certificate,
} from 'node:crypto';
import { promisify } from 'node:util';
import { expiresAt, type KeyPair } from './key-pair.ts';

/** The type of all keys. Each API server and Node accept it. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** OpenSSL's name of the curve P-256. */
const CURVE = 'prime256v1';
const DAY_MS = 86_400_000;
/** How long a new authority is valid. The command that registers the webhook replaces it after half of this time. */
const AUTHORITY_MS = 3_650 * DAY_MS;
/** How long a new serving certificate is valid, at most. */
export const SERVING_MS = 90 * DAY_MS;
/** A certificate is valid from a little earlier, because clocks differ. */
const BACKDATED_MS = 3_600_000;
/** The same for each authority. Clients distinguish authorities by their key identifiers. */
const AUTHORITY_NAME = 'CN=image-credential-binding webhook authority';

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Creates an authority that can sign serving certificates, and nothing else. */
export async function issueAuthority(now: number): Promise<KeyPair> {
  const x509 = await import('./x509.ts');
  const keys = await newKeys();
  const { privateKey: signingKey, publicKey } = forSigning(keys);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: AUTHORITY_NAME,
    issuer: AUTHORITY_NAME,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now + AUTHORITY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey,
    extensions: [
      // No further authority below this one.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return pairOf(certificate.toString('pem'), keys);
}

/** Whether this may be an authority of {@link issueAuthority}. Only with such a key can {@link issueServing} sign. */
export function isOwnAuthority({ subject, publicKey }: X509Certificate): boolean {
  return subject === AUTHORITY_NAME && publicKey.asymmetricKeyDetails?.namedCurve === CURVE;
}

/**
 * Creates the certificate of a server.
 *
 * @param authority - signs it, and limits how long it is valid
 * @param host - the DNS name by which clients contact the server
 * @throws Error if the authority is not one of {@link issueAuthority}
 */
export async function issueServing(authority: KeyPair, host: string, now: number): Promise<KeyPair> {
  const x509 = await import('./x509.ts');
  const keys = await newKeys();
  const { publicKey } = forSigning(keys);
  const issuer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    // The name that is verified is the one in the extension. A common name holds at most 64 characters.
    subject: 'CN=image-credential-binding webhook',
    issuer: issuer.subject,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(Math.min(now + SERVING_MS, expiresAt(authority.certificate))),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey: forSigning(keysOf(authority)).privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return pairOf(certificate.toString('pem'), keys);
}

async function newKeys(): Promise<Keys> {
  return promisify(generateKeyPair)('ec', { namedCurve: ALGORITHM.namedCurve });
}

function keysOf({ key }: KeyPair): Keys {
  const privateKey = createPrivateKey(key);
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

function forSigning({ publicKey, privateKey }: Keys) {
  return {
    publicKey: publicKey.toCryptoKey(ALGORITHM, true, ['verify']),
    privateKey: privateKey.toCryptoKey(ALGORITHM, false, ['sign']),
  };
}

function pairOf(certificate: string, { privateKey }: Keys): KeyPair {
  // The export of a private key as PEM is a string.
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { certificate: `${certificate.trimEnd()}\n`, key };
}

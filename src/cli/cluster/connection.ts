import type { KubeError } from '../../kube/index.ts';
import { quoted } from '../../text/index.ts';

/** Why a request got no usable answer: what was found, and what the user can do. */
interface Problem {
  readonly found: string;
  readonly advice: string;
}

/** Error codes of Node (https://nodejs.org/api/tls.html#x509-certificate-error-codes), OpenSSL and undici. */
const BY_CODE: readonly (readonly [RegExp, (server: URL | null) => Problem])[] = [
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$|HOSTNAME_MISMATCH/,
    () => ({
      found: 'a certificate for another name',
      advice: 'correct the server in the kubeconfig, or set its tls-server-name to a name in the certificate',
    }),
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    () => ({
      found: 'a certificate of the server that is not valid now',
      advice: 'check the clock of this computer, or renew the certificate of the server',
    }),
  ],
  [
    /^ERR_OSSL_/,
    () => ({
      found: 'certificates or keys in the kubeconfig that cannot be used',
      advice:
        'correct certificate-authority, client-certificate and client-key in the kubeconfig; they are in PEM, and the key fits the certificate',
    }),
  ],
  [
    /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$|^EPROTO$/,
    (server) => ({
      found: 'a server without TLS',
      advice: `correct the port, or write http: instead of https: in the kubeconfig if ${server?.host ?? 'it'} is kubectl proxy`,
    }),
  ],
  [
    /^ERR_SSL_\w*ALERT_\w*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/,
    () => ({
      found: 'a server that rejects the client certificate',
      advice: 'log in again, or correct client-certificate in the kubeconfig',
    }),
  ],
  [
    /^ERR_SSL_/,
    () => ({
      found: 'a failed TLS handshake',
      advice: 'correct the server and its port in the kubeconfig, or check the proxy in front of it',
    }),
  ],
  [
    /CERT|ERR_TLS|UNABLE_TO_|CA_|SELF_SIGNED/,
    () => ({
      found: 'a certificate of an authority that is not trusted (x509)',
      advice:
        'correct certificate-authority in the kubeconfig, or the address; a proxy that inspects TLS can be the cause, too',
    }),
  ],
  [
    /^(ENOTFOUND|EAI_AGAIN|EAI_NODATA)$/,
    (server) => ({
      found: `no address for the name ${quoted(server?.hostname ?? '')}`,
      advice: 'correct the name of the server in the kubeconfig, or check DNS and the VPN',
    }),
  ],
  [
    /^ECONNREFUSED$/,
    (server) => ({
      found: 'none',
      advice: `nothing listens on that port; start the cluster, the tunnel or kubectl proxy for ${server?.host ?? 'it'}, or correct the address`,
    }),
  ],
];

const TIMEOUT = /^UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT$/;

/** Errors before a connection to the server exists. With a proxy, they are about the proxy. */
const NOT_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|UND_ERR_ABORTED|UND_ERR_CONNECT_TIMEOUT)$/;

/** Where a request was sent. */
interface Destination {
  readonly server: URL | null;
  /** The `proxy-url` of the kubeconfig; empty: none. */
  readonly proxy: string;
  /** Limit on a request, in milliseconds; undefined: the client's own. */
  readonly requestTimeoutMs: number | undefined;
}

/** What was found instead of an answer of the API server, and what to do. */
export function connectionProblem(error: KubeError, destination: Destination): Problem {
  const { server, proxy } = destination;
  if (proxy !== '' && codesOf(error.cause).some((code) => NOT_CONNECTED.test(code))) {
    return {
      found: 'no connection through the proxy of the kubeconfig',
      advice: 'correct proxy-url in the kubeconfig, or check that the proxy is running and lets you connect',
    };
  }
  if (error.reason === 'NotKubernetes') {
    return {
      found: 'an answer of another server, for example a login page or a proxy',
      advice: 'correct the server in the kubeconfig, or log in to the VPN or proxy in front of it',
    };
  }
  if (isTlsServer(error, server)) {
    return {
      found: 'a server that does not speak plain HTTP',
      advice: 'write https: instead of http: in the kubeconfig, or correct the port',
    };
  }
  if (error.status !== 0) {
    return { found: `HTTP ${error.status}`, advice: 'check the health of the API server, and try again' };
  }
  const codes = codesOf(error.cause);
  if (error.reason === 'Timeout' || codes.some((code) => TIMEOUT.test(code))) return timedOut(destination);
  const known = BY_CODE.find(([pattern]) => codes.some((code) => pattern.test(code)));
  return (
    known?.[1](server) ?? {
      found: 'none',
      advice: `check that the server is running and reachable, and try again${proxyHint()}`,
    }
  );
}

function timedOut({ requestTimeoutMs: limit }: Destination): Problem {
  const within = limit === undefined ? '' : ` within ${limit / 1_000} s (--request-timeout)`;
  const longer = limit === undefined ? 'try again' : 'raise --request-timeout';
  return {
    found: `none${within}`,
    advice: `check that the server is running and reachable, and that the VPN and firewalls let you connect, or ${longer}${proxyHint()}`,
  };
}

/** Go's servers answer 400 to plain HTTP on a port for TLS. Others close the connection, or send a TLS alert. */
function isTlsServer({ status, isStatus, cause }: KubeError, server: URL | null): boolean {
  if (server?.protocol !== 'http:') return false;
  return (
    (status === 400 && !isStatus) ||
    (cause instanceof Error &&
      (cause.name === 'HTTPParserError' || codesOf(cause).includes('UND_ERR_SOCKET')))
  );
}

/** The code of an error, and of the errors that it combines: Node tries each address of a name. */
function codesOf(cause: unknown): readonly string[] {
  if (!(cause instanceof Error)) return [];
  const code = 'code' in cause ? [String(cause.code)] : [];
  return cause instanceof AggregateError ? [...code, ...cause.errors.flatMap(codesOf)] : code;
}

function proxyHint(): string {
  const { HTTPS_PROXY, https_proxy } = process.env;
  return (HTTPS_PROXY ?? https_proxy ?? '') === ''
    ? ''
    : '; HTTPS_PROXY does not apply to the API server here, so set proxy-url in the kubeconfig if a proxy is needed';
}

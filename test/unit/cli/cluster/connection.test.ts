import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectionProblem } from '../../../../src/cli/cluster/connection.ts';
import { errorFromFailure } from '../../../../src/kube/errors.ts';

const SERVER = URL.parse('https://api.example:6443');

/** Codes of Node and OpenSSL. test/cluster/cli/connection.test.ts produces the frequent ones with a real API server. */
const cases: readonly (readonly [string, RegExp])[] = [
  [
    'ECONNREFUSED',
    /^none; nothing listens on that port; start the cluster, the tunnel or kubectl proxy for api/,
  ],
  ['ENOTFOUND', /^no address for the name "api\.example"; correct the name/],
  ['EAI_AGAIN', /^no address for the name "api\.example"/],
  ['ETIMEDOUT', /^none; check that the server is running and reachable/],
  ['ECONNRESET', /^none; check that the server is running and reachable/],
  [
    'UND_ERR_CONNECT_TIMEOUT',
    /^none within 1\.5 s \(--request-timeout\); check .*, or raise --request-timeout/,
  ],
  ['UND_ERR_HEADERS_TIMEOUT', /^none within 1\.5 s \(--request-timeout\); check that the server is running/],
  ['CERT_HAS_EXPIRED', /^a certificate of the server that is not valid now; check the clock/],
  ['CERT_NOT_YET_VALID', /^a certificate of the server that is not valid now; check the clock/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /^a certificate for another name; correct the server/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /^a certificate of an authority that is not trusted/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /^a certificate of an authority that is not trusted/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /^a certificate of an authority that is not trusted/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /^a certificate of an authority that is not trusted/],
  ['ERR_OSSL_PEM_NO_START_LINE', /^certificates or keys in the kubeconfig that cannot be used/],
  ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', /^certificates or keys in the kubeconfig that cannot be used/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /^a server without TLS; .*if api\.example:6443 is kubectl proxy/],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', /^a server without TLS/],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    /^a server that rejects the client certificate; log in again/,
  ],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', /^a server that rejects the client certificate/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /^a server that rejects the client certificate/],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', /^a failed TLS handshake/],
];

describe('the advice about a connection that failed', () => {
  for (const [code, says] of cases) {
    it(`fits the code ${code}, also if Node has tried several addresses`, () => {
      const cause = Object.assign(new Error('failed'), { code });
      for (const one of [cause, new AggregateError([cause, cause])]) {
        const destination = { server: SERVER, proxy: '', requestTimeoutMs: 1_500 };
        const { found, advice } = connectionProblem(errorFromFailure('get /x', one), destination);
        assert.match(`${found}; ${advice}`, says);
      }
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryPolicy } from '../../../src/kube/client/retry.ts';
import {
  errorFromFailure,
  errorFromResponse,
  KubeConfigError,
  notKubernetes,
} from '../../../src/kube/errors.ts';

const answer = (status: number, retryAfter?: string) =>
  errorFromResponse('x', { status, body: '', retryAfter });
const failure = (fields: object) => errorFromFailure('x', Object.assign(new Error('failed'), fields));

const refused = failure({ syscall: 'connect', code: 'ECONNREFUSED' });
const noSuchHost = failure({ syscall: 'getaddrinfo', code: 'ENOTFOUND' });
const noHandshake = failure({ code: 'ECONNRESET', host: '127.0.0.1' });
const slowToConnect = failure({ code: 'UND_ERR_CONNECT_TIMEOUT' });
const reset = failure({ code: 'ECONNRESET' });
const tooLate = errorFromFailure('x', new DOMException('late', 'TimeoutError'));

describe('RetryPolicy', () => {
  const cases: readonly (readonly [string, unknown, boolean, boolean])[] = [
    // what happened, the error, whether a read is retried, whether a write is retried
    ['connection refused', refused, true, true],
    ['no such host', noSuchHost, true, true],
    ['connection reset before the TLS handshake', noHandshake, true, true],
    ['time-out of the connection', slowToConnect, true, true],
    ['connection reset', reset, true, false],
    ['time-out of the answer', tooLate, true, false],
    ['429 with Retry-After', answer(429, '1'), true, true],
    ['429 without Retry-After', answer(429), true, false],
    ['503 with Retry-After', answer(503, '1'), true, true],
    ['503 without Retry-After', answer(503), true, false],
    ['503 with a Retry-After that the caller should know about', answer(503, '60'), false, false],
    ['500', answer(500), true, false],
    ['500 with Retry-After, because the write may have succeeded', answer(500, '1'), true, false],
    ['502', answer(502), true, false],
    ['504', answer(504), true, false],
    ['401', answer(401), false, false],
    ['404', answer(404), false, false],
    ['409', answer(409), false, false],
    ['410', answer(410), false, false],
    ['422', answer(422), false, false],
    ['a kubeconfig that cannot be used', errorFromFailure('x', new KubeConfigError('x')), false, false],
    ['an answer of another server', notKubernetes('x', { status: 200 }), false, false],
    ['a programming error', new TypeError('x'), false, false],
  ];
  for (const [name, error, read, write] of cases) {
    it(`${read ? 'retries' : 'does not retry'} a read and ${write ? 'retries' : 'does not retry'} a write after ${name}`, () => {
      const isRetried = (method: string) => new RetryPolicy(method).waitAfter(error) !== undefined;
      assert.deepEqual(
        [isRetried('GET'), isRetried('PUT'), isRetried('POST'), isRetried('DELETE')],
        [read, write, write, write],
      );
    });
  }

  it('gives up after four retries with growing delays', () => {
    const policy = new RetryPolicy('GET');
    const waits = Array.from({ length: 5 }, () => policy.waitAfter(reset));
    assert.ok(
      waits.slice(0, 4).every((wait, index) => (wait ?? 0) >= 50 * 2 ** index),
      String(waits),
    );
    assert.equal(waits[4], undefined);
  });

  it('waits at least as long as Retry-After requests', () => {
    assert.ok((new RetryPolicy('PUT').waitAfter(answer(429, '2')) ?? 0) > 2_000);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { errorFromFailure, errorFromResponse, hasReason } from '../../../src/kube/errors.ts';

const status = {
  kind: 'Status',
  status: 'Failure',
  message: 'ConfigMap "A" is invalid',
  reason: 'Invalid',
  details: {
    retryAfterSeconds: 7,
    causes: [{ reason: 'FieldValueInvalid', message: 'must be lower case', field: 'metadata.name' }, 'odd'],
  },
};
const parsed = (body: unknown, retryAfter?: string, code = 422) =>
  errorFromResponse('create /x', { status: code, body: JSON.stringify(body), retryAfter });

describe('KubeError', () => {
  it('has the message, reason, causes and delay of the Status object', () => {
    const { message, reason, causes, retryAfterSeconds } = parsed(status);
    assert.equal(message, 'create /x: ConfigMap "A" is invalid');
    assert.deepEqual({ reason, retryAfterSeconds }, { reason: 'Invalid', retryAfterSeconds: 7 });
    assert.deepEqual(causes, [
      { field: 'metadata.name', reason: 'FieldValueInvalid', message: 'must be lower case' },
      { field: '', reason: '', message: '' },
    ]);
  });

  it('is distinguished from other errors by its reason', () => {
    const error = parsed(status);
    assert.equal(hasReason(error, 'Conflict', 'Invalid'), true);
    assert.equal(hasReason(error, 'Conflict'), false);
    assert.equal(hasReason(Object.assign(new Error('x'), { reason: 'Invalid' }), 'Invalid'), false);
  });

  it('has a reason from the HTTP status if the body is not a Status object', () => {
    const cases: readonly (readonly [unknown, number, string])[] = [
      ['<html>', 502, 'HTTP502'],
      [null, 404, 'NotFound'],
      [[], 409, 'Conflict'],
      [{ message: 1, reason: '', details: 'x' }, 410, 'Expired'],
    ];
    for (const [body, code, reason] of cases) {
      const error = parsed(body, undefined, code);
      assert.deepEqual([error.reason, error.message], [reason, `create /x: the server answered ${code}`]);
    }
  });

  it('has a reason from the HTTP status if the reason is not one of Kubernetes, because a webhook may quote the object', () => {
    for (const [reason, code, expected] of [
      ['the password is Canary', 403, 'Forbidden'],
      ['Canary', 422, 'HTTP422'],
      [{ Canary: 1 }, 400, 'HTTP400'],
    ] as const)
      assert.equal(parsed({ ...status, reason }, undefined, code).reason, expected);
  });

  it('describes an answer that is not a Status object, without its content and without the query of a redirect', () => {
    const from = (status: number, head: object) =>
      errorFromResponse('get /x', { status, body: 'Canary', retryAfter: undefined, ...head }).message;
    const cases: readonly (readonly [number, object, string])[] = [
      [502, {}, '502'],
      [502, { contentType: 'text/html; charset=utf-8' }, '502 with text/html'],
      [502, { contentType: 'Canary' }, '502'],
      [502, { contentType: `text/${'x'.repeat(100_000)}` }, `502 with text/${'x'.repeat(50)}`],
      [
        302,
        { location: 'https://me:Canary@sso.example:8443/in?state=Canary' },
        '302, a redirect to https://sso.example:8443',
      ],
      [302, { location: '/in?state=Canary' }, '302'],
      [302, { location: 'data:text/html,Canary' }, '302'],
    ];
    for (const [status, head, says] of cases)
      assert.equal(from(status, head), `get /x: the server answered ${says}`);
  });

  it('accepts Retry-After in seconds or as a date', () => {
    const at = (header: string) => parsed({}, header).retryAfterSeconds;
    assert.equal(at('3'), 3);
    const inTen = at(new Date(Date.now() + 10_000).toUTCString()) ?? 0;
    assert.ok(inTen > 8 && inTen <= 10, String(inTen));
    assert.equal(at(new Date(0).toUTCString()), 0);
    assert.equal(at('soon'), undefined);
  });

  it('limits Retry-After to one hour, and ignores a value that is not a finite number', () => {
    const header = (text: string) => parsed({}, text).retryAfterSeconds;
    // Parsed from text, because JSON.stringify cannot write such numbers.
    const body = (number: string) =>
      errorFromResponse('create /x', {
        status: 429,
        body: `{"details":{"retryAfterSeconds":${number}}}`,
        retryAfter: undefined,
      }).retryAfterSeconds;
    assert.deepEqual(['7', '86400', '-5', '1e400', '-1e400', '1e9'].map(body), [
      ...[7, 3_600, 0, undefined, undefined, 3_600],
    ]);
    assert.deepEqual(['7', '86400', '99999999999999', '9'.repeat(400)].map(header), [
      ...[7, 3_600, 3_600, undefined],
    ]);
    assert.equal(header('Fri, 01 Jan 9999 00:00:00 GMT'), 3_600);
  });

  it('distinguishes a time-out from a failed connection', () => {
    const late = Object.assign(new Error('x'), { code: 'UND_ERR_HEADERS_TIMEOUT' });
    assert.equal(errorFromFailure('get /x', late).reason, 'Timeout');
    assert.equal(errorFromFailure('get /x', 'odd').message, 'get /x: odd');
    assert.equal(errorFromFailure('get /x', new Error('x')).reason, 'Unreachable');
  });

  it('marks a request as unsent if no address of the host accepts the connection', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    // A TCP server that listens has an AddressInfo.
    const { port } = server.address() as AddressInfo;
    await server[Symbol.asyncDispose]();
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    const socket = connect({
      host: 'api.example',
      port,
      autoSelectFamily: true,
      lookup: (_host, _options, found) => found(null, addresses),
    });
    const [error] = await once(socket, 'error').catch((reason: unknown) => [reason]);
    assert.ok(error instanceof AggregateError);
    assert.equal(errorFromFailure('create /x', error).unsent, true);
    const unknown = new AggregateError([...error.errors, new Error('reset')]);
    assert.equal(errorFromFailure('create /x', unknown).unsent, false);
    assert.equal(errorFromFailure('create /x', new AggregateError([])).unsent, false);
  });
});

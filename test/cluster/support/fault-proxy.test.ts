import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import {
  adminConfig,
  type Fault,
  type FaultProxy,
  isNextPage,
  isWatch,
  isWrite,
  startFaultProxy,
} from '../../support/faults/index.ts';
import { type HttpResponse, type RequestOptions, send } from '../../support/faults/send.ts';
import { until } from '../../support/until.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
/** Headers that differ between two responses to the same request. */
const VOLATILE = /^(date|audit-id|connection)$/i;

interface Line {
  readonly type: string;
  readonly object: {
    readonly kind: string;
    readonly code?: number;
    readonly reason?: string;
    readonly message?: string;
    readonly metadata: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> };
  };
}

const comparable = ({ status, rawHeaders, body }: HttpResponse) => {
  const pairs = Array.from({ length: rawHeaders.length / 2 }, (_, index) =>
    rawHeaders.slice(2 * index, 2 * index + 2),
  );
  const headers = pairs.filter(([name]) => !VOLATILE.test(name ?? ''));
  return { status, headers, body: body.toString() };
};

describe('the fault proxy in front of a real API server', () => {
  let controlPlane: ControlPlane;
  let proxy: FaultProxy;
  let ca: string;
  let authorization: string;
  let names = 0;

  before(async () => {
    controlPlane = await startControlPlane({
      auditLog: false,
      log: (line) => process.stderr.write(`${line}\n`),
    });
    ca = await readFile(controlPlane.caFile, 'utf8');
    authorization = `Bearer ${adminConfig(controlPlane).getCurrentUser()?.token}`;
    for (let index = 0; index < 5; index += 1) await write(`seeded-${index}`, controlPlane.server);
  });
  after(async () => controlPlane?.stop());
  beforeEach(async () => {
    proxy = await startFaultProxy(controlPlane, { seed: 1 });
  });
  afterEach(async () => proxy?.stop());

  const to = (
    target: string,
    options: RequestOptions = {},
    onText?: (text: string) => void,
    server = proxy.url,
  ): Promise<HttpResponse> =>
    send(`${server}${target}`, { ca, ...options, headers: { authorization, ...options.headers } }, onText);

  const direct = (target: string): Promise<HttpResponse> => to(target, {}, undefined, controlPlane.server);

  async function write(name: string, server = proxy.url): Promise<HttpResponse> {
    const body = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { value: 'ü'.repeat(2_000) },
    });
    return to(
      MAPS,
      { method: 'POST', body, headers: { 'content-type': 'application/json' } },
      undefined,
      server,
    );
  }

  const exists = async (name: string): Promise<boolean> => (await direct(`${MAPS}/${name}`)).status === 200;

  const fresh = (): string => {
    names += 1;
    return `fresh-${names}`;
  };

  /** Starts a watch. `text` always holds what has been received so far. */
  function watch(query = ''): { text: string; ended: Promise<HttpResponse>; stop: () => void } {
    const abort = new AbortController();
    const state = {
      text: '',
      ended: to(`${MAPS}?watch=1${query}`, { signal: abort.signal }, (text) => {
        state.text = text;
      }),
      stop: () => abort.abort(),
    };
    return state;
  }

  describe('without a fault', () => {
    it('passes responses on unchanged: status, headers, order of headers, bytes', async () => {
      for (const target of [MAPS, `${MAPS}/seeded-0`, `${MAPS}/absent`, '/version', '/readyz']) {
        // Another write between the two requests changes the version of a list.
        await until(async () => {
          const [through, straight] = [await to(target), await direct(target)];
          assert.deepEqual(comparable(through), comparable(straight), target);
          return true;
        }, 'the same response');
      }
    });

    it('passes the bodies of writes on', async () => {
      const name = fresh();
      assert.equal((await write(name)).status, 201);
      const { data } = JSON.parse((await direct(`${MAPS}/${name}`)).body.toString());
      assert.equal(data.value, 'ü'.repeat(2_000));
    });

    it('passes the lines of a watch on as they arrive', async () => {
      const watched = watch();
      await until(() => watched.text.includes('seeded-4'), 'the existing objects');
      const name = fresh();
      await write(name);
      await until(() => watched.text.includes(`"name":"${name}"`), 'the new object');
      watched.stop();
      assert.equal((await watched.ended).cut, true);
      await until(() => proxy.connections.open === 0, 'all connections to be closed');
    });
  });

  describe('with a fault', () => {
    it('cuts the connection before the API server receives a write', async () => {
      const name = fresh();
      const injected = proxy.once({ kind: 'cut-before' }, isWrite);
      await assert.rejects(write(name), { code: 'ECONNRESET' });
      assert.equal((await injected).request.verb, 'create');
      assert.equal(await exists(name), false);
    });

    it('cuts the connection after the API server has executed a write', async () => {
      const name = fresh();
      const injected = proxy.once({ kind: 'cut-after' }, isWrite);
      await assert.rejects(write(name), { code: 'ECONNRESET' });
      await injected;
      assert.equal(await exists(name), true);
    });

    it('cuts a watch in the middle of a line', async () => {
      void proxy.once({ kind: 'cut-mid-line', afterLines: 2 }, isWatch);
      const { cut, body } = await watch().ended;
      const lines = body.toString().split('\n');
      assert.deepEqual([cut, lines.length], [true, 3]);
      for (const line of lines.slice(0, 2)) assert.equal(parse(line).type, 'ADDED');
      assert.ok((lines[2]?.length ?? 0) > 0);
      assert.throws(() => parse(lines[2] ?? ''), SyntaxError);
    });

    it('cuts a list in the middle', async () => {
      void proxy.once({ kind: 'cut-mid-line' });
      const { cut, body, headers } = await to(MAPS);
      const whole = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
      assert.ok(cut && body.length > 0 && body.length < whole, `${cut}, ${body.length} of ${whole}`);
    });

    it('leaves a watch half-open, so that neither an event nor its time-out ends it', async () => {
      const injected = proxy.once({ kind: 'silence', afterLines: 1 }, isWatch);
      const watched = watch('&timeoutSeconds=1');
      await injected;
      await write(fresh());
      await sleep(1_500);
      assert.equal(watched.text.trim().split('\n').length, 1);
      assert.equal(proxy.connections.open, 1);
      watched.stop();
      await watched.ended;
      await until(() => proxy.connections.open === 0, 'the connection to be closed');
    });

    it('executes a write and withholds the response', async () => {
      const name = fresh();
      const injected = proxy.once({ kind: 'silence' }, isWrite);
      const written = assert.rejects(write(name), { code: 'ECONNRESET' });
      await injected;
      assert.equal(await exists(name), true);
      assert.equal(proxy.connections.open, 1);
      proxy.cutAll();
      await written;
    });

    it('sends the complete response slowly', async () => {
      const { body } = await to(`${MAPS}/seeded-0`);
      void proxy.once({ kind: 'slow', bytesPerSecond: body.length * 2 });
      const begun = performance.now();
      assert.deepEqual((await to(`${MAPS}/seeded-0`)).body, body);
      const took = performance.now() - begun;
      assert.ok(took > 400, `${took} ms`);
    });

    it('closes the connection after a response that announces this', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      assert.equal((await to(MAPS, { agent })).status, 200);
      assert.equal((await to(MAPS, { agent })).status, 200);
      assert.equal(proxy.connections.opened, 1);
      void proxy.once({ kind: 'close' });
      const { status, headers, cut } = await to(MAPS, { agent });
      assert.deepEqual(
        { status, connection: headers.connection, cut },
        { status: 200, connection: 'close', cut: false },
      );
      await until(() => proxy.connections.open === 0, 'the connection to be closed');
      assert.equal((await to(MAPS, { agent })).status, 200);
      assert.equal(proxy.connections.opened, 2);
      agent.destroy();
    });
  });

  describe('with the Status of kube-apiserver', () => {
    const cases: readonly (readonly [Extract<Fault, { kind: 'status' }>, object, string | undefined])[] = [
      [{ kind: 'status', code: 410 }, { code: 410, reason: 'Expired' }, undefined],
      [{ kind: 'status', code: 500 }, { code: 500, reason: 'InternalError' }, undefined],
      [{ kind: 'status', code: 503 }, { code: 503, reason: 'ServiceUnavailable' }, undefined],
      [{ kind: 'status', code: 503, retryAfterSeconds: 2 }, { code: 503, reason: 'ServiceUnavailable' }, '2'],
      [{ kind: 'status', code: 429, retryAfterSeconds: 3 }, { code: 429, reason: 'TooManyRequests' }, '3'],
    ];
    for (const [fault, expected, retryAfter] of cases) {
      it(`answers ${JSON.stringify(fault)}`, async () => {
        void proxy.once(fault);
        const { status, body, headers } = await to(`${MAPS}/seeded-0`);
        const { kind, apiVersion, reason, code, details } = JSON.parse(body.toString());
        assert.deepEqual(
          { kind, apiVersion, code, reason },
          { kind: 'Status', apiVersion: 'v1', ...expected },
        );
        assert.deepEqual([status, headers['retry-after']], [fault.code, retryAfter]);
        assert.equal(details?.retryAfterSeconds, fault.retryAfterSeconds);
      });
    }

    it('answers 409 exactly as kube-apiserver does for an outdated version', async () => {
      const name = fresh();
      await write(name);
      const body = JSON.stringify({ metadata: { resourceVersion: '1' } });
      const patch = () =>
        to(`${MAPS}/${name}`, {
          method: 'PATCH',
          body,
          headers: { 'content-type': 'application/merge-patch+json' },
        });
      const real = await patch();
      void proxy.once({ kind: 'status', code: 409 }, isWrite);
      const made = await patch();
      assert.deepEqual(JSON.parse(made.body.toString()), JSON.parse(real.body.toString()));
      assert.equal(made.headers['content-type'], real.headers['content-type']);
      assert.deepEqual(proxy.counts, { 409: 1 });
    });

    it('answers 410 to a request for a page, with a continue token that the API server accepts', async () => {
      void proxy.once({ kind: 'status', code: 410 }, isNextPage);
      const page = JSON.parse((await to(`${MAPS}?limit=2`)).body.toString());
      const next = `${MAPS}?limit=2&continue=${page.metadata.continue}`;
      const { status, body } = await to(next);
      const expired = JSON.parse(body.toString());
      assert.deepEqual([status, expired.reason], [410, 'Expired']);
      const rest = await to(`${MAPS}?limit=2&continue=${expired.metadata.continue}`);
      assert.equal(rest.status, 200);
      assert.deepEqual(
        JSON.parse(rest.body.toString()).items,
        JSON.parse((await to(next)).body.toString()).items,
      );
    });

    it('sends 410 as an event of a watch, at its start and later', async () => {
      // The real event for a version that the API server no longer has, because it has restarted.
      await controlPlane.restartApiServer();
      const real = parse((await watch('&resourceVersion=1&timeoutSeconds=1').ended).body.toString());
      for (const afterLines of [0, 2]) {
        void proxy.once({ kind: 'expire', afterLines }, isWatch);
        const { status, body, cut } = await watch('&resourceVersion=0').ended;
        const lines = body.toString().trim().split('\n').map(parse);
        const { message, ...last } = lines.at(-1)?.object ?? {};
        const { message: realMessage, ...expected } = real.object;
        assert.deepEqual(
          [status, cut, lines.length, lines.at(-1)?.type],
          [200, false, afterLines + 1, 'ERROR'],
        );
        assert.deepEqual(last, expected);
        for (const text of [message, realMessage])
          assert.match(text ?? '', /^too old resource version: \d+ \(\d+\)$/);
      }
    });
  });

  describe('with faults of many requests', () => {
    it('answers 429 as API priority and fairness does', async () => {
      void proxy.once({ kind: 'overload' });
      const { status, headers, body } = await to(MAPS);
      assert.deepEqual(
        [status, headers['retry-after'], headers['content-type']],
        [429, '1', 'text/plain; charset=utf-8'],
      );
      assert.match(body.toString(), /^Too many requests/);
    });

    describe('dropping bookmarks', () => {
      const query =
        '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1';
      const endsInitialEvents = ({ type, object }: Line) =>
        type === 'BOOKMARK' && object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';
      const linesOf = async () => (await watch(query).ended).body.toString().trim().split('\n').map(parse);

      it('passes the bookmark that ends a streaming list if no fault is injected', async () => {
        assert.ok((await linesOf()).some(endsInitialEvents));
      });

      for (const fault of [
        { kind: 'drop-bookmarks' },
        { kind: 'drop-bookmarks', only: 'initial-events-end' },
      ] as const satisfies readonly Fault[]) {
        it(`drops bookmarks but no event with ${JSON.stringify(fault)}`, async () => {
          const injected = proxy.once(fault, isWatch);
          const lines = await linesOf();
          await injected;
          assert.ok(!lines.some(endsInitialEvents));
          assert.ok(lines.filter(({ type }) => type === 'ADDED').length >= 5);
        });
      }
    });

    it('cuts all connections at once, and accepts new ones', async () => {
      const watches = [watch(), watch(), watch()];
      await until(() => watches.every(({ text }) => text.includes('seeded-4')), 'three watches');
      assert.equal(proxy.connections.open, 3);
      proxy.cutAll();
      for (const { ended } of watches) assert.equal((await ended).cut, true);
      await until(() => proxy.connections.open === 0, 'all connections to be closed');
      assert.equal((await to(MAPS)).status, 200);
      assert.deepEqual({ ...proxy.connections, open: 0 }, { open: 0, most: 3, opened: 4 });
    });

    it('refuses new connections for a while, and keeps the open ones', async () => {
      const watched = watch();
      await until(() => watched.text.includes('seeded-4'), 'a watch');
      proxy.refuse();
      await assert.rejects(to(MAPS), { code: 'ECONNREFUSED' });
      const name = fresh();
      await write(name, controlPlane.server);
      await until(() => watched.text.includes(`"name":"${name}"`), 'an event on the open connection');
      await proxy.accept();
      assert.equal((await to(MAPS)).status, 200);
      watched.stop();
      await watched.ended;
    });

    it('injects faults according to its rules until they change, and reports what it did', async () => {
      proxy.rules = [{ fault: { kind: 'status', code: 503 }, probability: 1, when: isWrite }];
      assert.equal((await write(fresh())).status, 503);
      assert.equal((await to(MAPS)).status, 200);
      proxy.rules = [];
      assert.equal((await write(fresh())).status, 201);
      assert.equal(proxy.report, `seed 1; injected, oldest first:\n503: POST ${MAPS} (1)`);
    });

    it('closes the client connections whose API server connection is closed', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const watched = watch();
      await to(MAPS, { agent });
      await until(() => watched.text.includes('seeded-4'), 'a watch');
      assert.equal(proxy.connections.open, 2);
      const restarted = controlPlane.restartApiServer();
      assert.equal((await watched.ended).cut, true);
      await until(() => proxy.connections.open === 0, 'the idle connection to be closed');
      await restarted;
      assert.equal((await to(MAPS, { agent })).status, 200);
      agent.destroy();
    });
  });
});

function parse(line: string): Line {
  return JSON.parse(line) as Line;
}

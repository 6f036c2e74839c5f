import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cut, faultyBody } from './body.ts';
import { endToEnd, ProxiedConnection, type Upstream } from './connection.ts';
import type { Fault } from './fault.ts';
import { type Decision, FaultPlan, type Injection, type Rule } from './plan.ts';
import { isWatch, type Matches, type ProxiedRequest } from './request.ts';
import { statusOf } from './status.ts';

export interface FaultProxyOptions {
  /** `https://host:port` or `http://host:port`. */
  readonly upstream: string;
  /** PEM of the certificate authority of the upstream's certificate. */
  readonly ca?: string;
  /** The certificate and key for TLS to clients. Without it, the proxy speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Determines all random draws. */
  readonly seed: number;
  /** Called with each request before it is processed. */
  readonly onRequest?: (request: ProxiedRequest) => void;
}

/** Connections of clients. */
export interface ConnectionCounts {
  readonly open: number;
  /** The maximum number of connections that were open at the same time. */
  readonly most: number;
  /** The number of all connections so far. */
  readonly opened: number;
}

const LISTEN_ATTEMPTS = 100;

/**
 * A proxy on loopback between clients and an HTTP/1.1 server. It passes requests and responses on unchanged, byte by
 * byte as they arrive, except for the faults that it injects. It supports neither HTTP/2 nor WebSocket, and does not
 * pass on a client's certificate. Faults that look into lines need responses without compression, such as watches in
 * JSON.
 */
export class FaultProxy implements AsyncDisposable {
  /** The URL for clients, instead of the upstream. */
  readonly url: string;
  readonly #upstream: Upstream;
  readonly #plan: FaultPlan;
  readonly #onRequest: (request: ProxiedRequest) => void;
  /**
   * Parses incoming requests. It does not listen itself, so that the listener can be closed while connections stay
   * open.
   */
  readonly #http: Server;
  readonly #port: number;
  /** By the client's port. */
  readonly #connections = new Map<number, ProxiedConnection>();
  #listener: Server | undefined;
  #most = 0;
  #opened = 0;

  private constructor(options: FaultProxyOptions, listener: Server) {
    // A TCP server that listens has an AddressInfo.
    this.#port = (listener.address() as AddressInfo).port;
    this.#upstream = { url: new URL(options.upstream), ca: options.ca };
    this.#plan = new FaultPlan(options.seed);
    this.#onRequest = options.onRequest ?? (() => undefined);
    const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => this.#handle(incoming, outgoing);
    // Idle connections stay open: only faults and the upstream end them.
    const settings = { keepAliveTimeout: 0 };
    this.#http =
      options.tls === undefined
        ? createHttpServer(settings, handle)
        : createHttpsServer({ ...settings, ...options.tls }, handle);
    this.url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
    this.#use(listener);
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    return new FaultProxy(options, await listen(0));
  }

  get seed(): number {
    return this.#plan.seed;
  }

  /** The rules in effect; none at first. They can be changed at any time, for subsequent requests. */
  get rules(): readonly Rule[] {
    return this.#plan.rules;
  }

  set rules(rules: readonly Rule[]) {
    this.#plan.rules = rules;
  }

  /** How many faults took effect, by name; see {@link nameOf}. */
  get counts(): Readonly<Record<string, number>> {
    return this.#plan.counts;
  }

  get connections(): ConnectionCounts {
    return { open: this.#connections.size, most: this.#most, opened: this.#opened };
  }

  /** What to print when a test fails: the seed, and the latest faults with the requests that they hit. */
  get report(): string {
    return `seed ${this.seed}; injected, oldest first:\n${this.#plan.log}`;
  }

  /**
   * The next request that matches gets this fault, whatever the rules say. The oldest of several calls comes first.
   *
   * @returns resolves when the fault has taken effect; a watch may end before that
   */
  once(fault: Fault, matches: Matches = () => true): Promise<Injection> {
    return this.#plan.once(fault, matches);
  }

  /** Resets all connections that are open now. */
  cutAll(): void {
    for (const connection of this.#connections.values()) connection.reset();
  }

  /** Stops listening, so that new connections are refused. Open connections continue. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Ends {@link refuse}. */
  async accept(): Promise<void> {
    if (this.#listener === undefined) this.#use(await listen(this.#port));
  }

  /** Ends all connections to clients and to the upstream. */
  async stop(): Promise<void> {
    this.refuse();
    const closed = [...this.#connections.values()].map((connection) => connection.closed);
    this.cutAll();
    await Promise.all(closed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #use(listener: Server): void {
    this.#listener = listener;
    listener.on('connection', (socket) => this.#connect(socket));
  }

  #connect(socket: Socket): void {
    const port = socket.remotePort;
    // The connection has already ended.
    if (port === undefined || this.#listener === undefined) {
      socket.destroy();
      return;
    }
    const connection = new ProxiedConnection(socket, this.#upstream);
    this.#connections.set(port, connection);
    this.#opened += 1;
    this.#most = Math.max(this.#most, this.#connections.size);
    socket.once('close', () => {
      if (this.#connections.get(port) === connection) this.#connections.delete(port);
    });
    this.#http.emit('connection', socket);
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const connection = this.#connections.get(incoming.socket.remotePort ?? 0);
    if (connection === undefined) {
      incoming.socket.destroy();
      return;
    }
    outgoing.once('close', connection.begin(incoming.socket));
    const { request, decision } = this.#plan.decide(incoming.method ?? '', incoming.url ?? '');
    this.#onRequest(request);
    if (decision === undefined || !answeredHere(decision, incoming, outgoing, connection)) {
      forward(incoming, outgoing, connection, decision);
    }
  }
}

/** Handles faults that need no upstream. Returns whether that completed the request. */
function answeredHere(
  { fault, request, tookEffect }: Decision,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  connection: ProxiedConnection,
): boolean {
  if (fault.kind === 'cut-before') connection.reset();
  else if (fault.kind === 'status') answerStatus(fault, request, outgoing);
  else if (fault.kind === 'overload') answerOverload(outgoing);
  else return false;
  incoming.resume();
  tookEffect();
  return true;
}

function answerStatus(
  { code, retryAfterSeconds }: Extract<Fault, { kind: 'status' }>,
  request: ProxiedRequest,
  outgoing: ServerResponse,
): void {
  const body = `${JSON.stringify(statusOf(code, request, retryAfterSeconds))}\n`;
  outgoing.writeHead(code, {
    'cache-control': 'no-cache, private',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  outgoing.end(body);
}

/** @see https://github.com/kubernetes/apiserver/blob/v0.37.2/pkg/server/filters/priority-and-fairness.go */
function answerOverload(outgoing: ServerResponse): void {
  outgoing.writeHead(429, {
    'content-type': 'text/plain; charset=utf-8',
    'retry-after': '1',
    'x-content-type-options': 'nosniff',
  });
  outgoing.end('Too many requests, please try again later.\n');
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  connection: ProxiedConnection,
  decision: Decision | undefined,
): void {
  const request = connection.request(incoming);
  // A completed request has returned its connection to the agent.
  outgoing.once('close', () => outgoing.writableFinished || request.destroy());
  request.on('error', () => outgoing.writableFinished || connection.reset());
  request.once('response', (answer) => {
    deliver(answer, outgoing, connection, decision).catch((error: unknown) => {
      // The rest of the announced body will not arrive. The client notices because the connection ends.
      if (error instanceof Cut) outgoing.destroy();
      else connection.reset();
    });
  });
  pipeline(incoming, request).catch(() => outgoing.writableFinished || connection.reset());
}

async function deliver(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  connection: ProxiedConnection,
  decision: Decision | undefined,
): Promise<void> {
  if (decision === undefined) {
    writeHead(answer, outgoing, answer.headers.connection === 'close');
    await pipeline(answer, outgoing);
  } else if (withholds(decision)) await withhold(answer, connection, decision);
  else await deliverFaulty(answer, outgoing, decision);
}

function writeHead(answer: IncomingMessage, outgoing: ServerResponse, last: boolean): void {
  const headers = [...endToEnd(answer.rawHeaders), ...(last ? ['Connection', 'close'] : [])];
  // The Date header of the upstream has been passed on.
  outgoing.sendDate = false;
  outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headers);
  outgoing.flushHeaders();
}

/** Whether the whole response is withheld. */
function withholds({ fault, request }: Decision): boolean {
  return fault.kind === 'cut-after' || (fault.kind === 'silence' && !isWatch(request));
}

async function withhold(
  answer: IncomingMessage,
  connection: ProxiedConnection,
  { fault, request, tookEffect }: Decision,
): Promise<void> {
  answer.resume();
  if (!isWatch(request)) await once(answer, 'end');
  tookEffect();
  if (fault.kind === 'cut-after') connection.reset();
}

async function deliverFaulty(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  decision: Decision,
): Promise<void> {
  const last = decision.fault.kind === 'close';
  writeHead(answer, outgoing, last || answer.headers.connection === 'close');
  if (last) decision.tookEffect();
  for await (const piece of faultyBody(answer, decision)) {
    // The data must be sent before a cut.
    await new Promise<void>((written) => outgoing.write(piece, () => written()));
    if (outgoing.destroyed) return;
  }
  outgoing.end();
}

/** Retries, because another process may use the port for a moment if it was free between two calls. */
async function listen(port: number): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const server = createTcpServer({ noDelay: true }).listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === LISTEN_ATTEMPTS) throw error;
      await sleep(50);
    }
  }
}

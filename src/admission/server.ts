import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import {
  type CertificateSource,
  isSameCertificate,
  readServingCertificate,
  type ServingCertificate,
} from './certificate.ts';
import { Clients, LARGEST_BODY } from './clients.ts';
import { Webhook, type WebhookOptions } from './webhook.ts';

/** The path of the webhook. */
export const ADMISSION_PATH = '/scans';
/** Go's HTTP client keeps idle connections for 90 seconds. If the server closed one first, a request on it could fail. */
const KEEP_ALIVE_MS = 120_000;
/** Below the time-out of the webhook, which is 1 second. After that, the API server no longer waits for an answer. */
const LONGEST_REQUEST_MS = 900;
/** Limit on open connections, of all clients together. */
const MOST_CONNECTIONS = 4_096;

export interface AdmissionSettings {
  /** undefined means all addresses. */
  readonly host: string | undefined;
  /** 0 means any free port. */
  readonly port: number;
  readonly certificates: CertificateLocation;
}

/** Where the certificate is. */
type CertificateLocation =
  /** A folder with `tls.crt` and `tls.key`, which another program renews. */
  | { readonly kind: 'Files'; readonly directory: string }
  /** A Secret in the namespace of the Lease, whose content the controller writes. */
  | { readonly kind: 'Secret'; readonly name: string };

export interface AdmissionOptions extends WebhookOptions {
  readonly settings: Pick<AdmissionSettings, 'host' | 'port'>;
  readonly certificate: CertificateSource;
}

/** The HTTPS server of the webhook. It loads a changed certificate without a restart. */
export class AdmissionServer {
  readonly #settings: AdmissionOptions['settings'];
  readonly #source: CertificateSource;
  readonly #log: Logger;
  readonly #webhook: Webhook;
  readonly #server: Server;
  #certificate: ServingCertificate | undefined;
  /** Why the certificate could not be loaded; undefined: it could. */
  #failure: string | undefined = 'the certificate has not been read yet';
  /** Ends the work that loads a changed certificate. */
  #unfollow: () => void = () => undefined;
  readonly #clients = new Clients();
  #isStopping = false;

  constructor(options: AdmissionOptions) {
    this.#settings = options.settings;
    this.#source = options.certificate;
    this.#log = options.log;
    this.#webhook = new Webhook(options);
    this.#server = createServer(
      {
        keepAliveTimeout: KEEP_ALIVE_MS,
        // Go's client may open a connection that it first uses later.
        headersTimeout: KEEP_ALIVE_MS,
        requestTimeout: KEEP_ALIVE_MS,
        handshakeTimeout: 5_000,
        minVersion: 'TLSv1.2',
      },
      (request, response) => this.#serve(request, response),
    );
    this.#server.maxConnections = MOST_CONNECTIONS;
    // Before TLS, so the socket is that of the TCP connection.
    this.#server.on('connection', (socket) => {
      if (socket instanceof Socket) this.#clients.admit(socket);
    });
    // A failed handshake affects only its client.
    this.#server.on('tlsClientError', () => undefined);
  }

  /** Why no request can be answered now; undefined: requests are answered. For the readiness probe. */
  get problem(): string | undefined {
    if (this.#certificate === undefined) return `no certificate: ${this.#failure}`;
    const isExpired = this.#certificate.expiresAt <= Date.now();
    return isExpired ? 'its certificate has expired' : undefined;
  }

  /** When the certificate expires, in milliseconds since the epoch; undefined: there is none yet. */
  get expiresAt(): number | undefined {
    return this.#certificate?.expiresAt;
  }

  /** Listens, and resolves with the port. Rejects if the address is in use or does not belong to the host. */
  async start(): Promise<number> {
    await this.#load();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { port, host } = this.#settings;
    this.#server.once('error', reject).listen(port, host, resolve);
    await promise;
    this.#server.on('error', (error) => this.#log.warn({ name: error.name }, 'admission server'));
    if (!this.#isStopping) this.#unfollow = this.#source.follow(() => this.#load());
    // A TCP server that listens has an AddressInfo.
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on, loads no changed certificate, and each response asks the client to open its next connection elsewhere. */
  drain(): void {
    this.#isStopping = true;
    this.#unfollow();
  }

  /** Accepts no further connection, waits for requests in flight at most the longest request time, and closes all connections. */
  async stop(): Promise<void> {
    this.drain();
    if (!this.#server.listening) return;
    const closed = this.#server[Symbol.asyncDispose]();
    const cut = setTimeout(() => this.#server.closeAllConnections(), LONGEST_REQUEST_MS);
    await closed.finally(() => clearTimeout(cut));
  }

  /** Never rejects. Returns the error, if any. The last certificate that could be loaded stays in use. */
  async #load(): Promise<unknown> {
    try {
      const certificate = await readServingCertificate(this.#source);
      this.#failure = undefined;
      if (isSameCertificate(this.#certificate, certificate)) return undefined;
      this.#server.setSecureContext(certificate.options);
      this.#certificate = certificate;
      this.#log.info(
        { expires: new Date(certificate.expiresAt).toISOString() },
        'admission certificate loaded',
      );
      return undefined;
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      if (failure !== this.#failure) this.#log.warn({ failure }, 'admission certificate not loaded');
      this.#failure = failure;
      return error;
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (request.method === 'POST' && path === ADMISSION_PATH) void this.#answer(request, response);
    else refuse(response, 404, `expected POST ${ADMISSION_PATH}`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const late = setTimeout(() => request.destroy(), LONGEST_REQUEST_MS);
    try {
      const body = await this.#read(request);
      if (body === undefined) return refuse(response, 413, `expected at most ${LARGEST_BODY} bytes`);
      const answer = this.#webhook.answer(body);
      if (answer === undefined)
        return refuse(response, 400, 'expected an AdmissionReview of admission.k8s.io/v1');
      if (this.#isStopping) response.setHeader('connection', 'close');
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    } catch {
      // The client has closed the connection, or its body took too long.
      response.destroy();
    } finally {
      clearTimeout(late);
    }
  }

  /** undefined: the body, or all bodies together, are too large. */
  async #read(request: IncomingMessage): Promise<string | undefined> {
    const body = this.#clients.begin(request.socket);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) {
        // A request without an encoding emits buffers.
        const bytes = chunk as Buffer;
        if (!body.take(bytes.length)) return undefined;
        chunks.push(bytes);
      }
      return Buffer.concat(chunks).toString('utf8');
    } finally {
      body.release();
    }
  }
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
    .end(`${text}\n`);
}

import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly ca?: string;
  /** Without an agent, the request uses a connection of its own. */
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** A response as it came over the wire. */
export interface HttpResponse {
  readonly status: number;
  /** Names and values alternate. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Whether the connection ended before the response did. */
  readonly cut: boolean;
}

/**
 * Sends a request with Node's own client, and reads the response as far as it arrives.
 *
 * @param onText - called with the text received so far, whenever more arrives
 * @throws Error if no response begins
 */
export async function send(
  url: string,
  { method = 'GET', headers = {}, body, ca, agent, signal }: RequestOptions = {},
  onText: (text: string) => void = () => undefined,
): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const settings = { method, headers, agent: agent ?? false, ...(signal === undefined ? {} : { signal }) };
  const request = url.startsWith('https:')
    ? httpsRequest(url, { ...settings, ...(ca === undefined ? {} : { ca }) }, resolve)
    : httpRequest(url, settings, resolve);
  request.on('error', reject);
  request.end(body);
  const response = await promise;
  const chunks: Buffer[] = [];
  let cut = false;
  try {
    for await (const chunk of response) {
      // Chunks are bytes, because no encoding was set.
      chunks.push(chunk as Buffer);
      onText(Buffer.concat(chunks).toString('utf8'));
    }
  } catch {
    cut = true;
  }
  const { statusCode: status = 0, rawHeaders, headers: parsed } = response;
  return { status, rawHeaders, headers: parsed, body: Buffer.concat(chunks), cut };
}

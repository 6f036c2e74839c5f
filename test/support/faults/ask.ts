import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly ca?: string;
  /** A connection of its own, where it is left out. */
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Whether the connection ended before the answer did. */
  readonly cut: boolean;
}

/**
 * Asks and reads the answer as far as it comes, by way of nothing but Node's own client.
 *
 * @param onText - called with the text that has come so far, each time more comes
 * @throws Error where no answer begins
 */
export async function ask(
  url: string,
  { method = 'GET', headers = {}, body, ca, agent, signal }: Question = {},
  onText: (text: string) => void = () => undefined,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const settings = { method, headers, agent: agent ?? false, ...(signal === undefined ? {} : { signal }) };
  const asked = url.startsWith('https:')
    ? httpsRequest(url, { ...settings, ...(ca === undefined ? {} : { ca }) }, resolve)
    : httpRequest(url, settings, resolve);
  asked.on('error', reject);
  asked.end(body);
  const answer = await promise;
  const chunks: Buffer[] = [];
  let cut = false;
  try {
    for await (const chunk of answer) {
      // No encoding was set, so chunks are bytes.
      chunks.push(chunk as Buffer);
      onText(Buffer.concat(chunks).toString('utf8'));
    }
  } catch {
    cut = true;
  }
  const { statusCode: status = 0, rawHeaders, headers: parsed } = answer;
  return { status, rawHeaders, headers: parsed, body: Buffer.concat(chunks), cut };
}

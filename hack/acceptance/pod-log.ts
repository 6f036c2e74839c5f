import type { Transport } from '../../src/kube/index.ts';
import { readObject } from '../../src/text/index.ts';

const LOG_LINES = 30;
const LOG_BYTES = 16_384;
const TIMEOUT_MS = 10_000;

/** The last lines of a container's log, or why it cannot be read. */
export async function readLog(
  transport: Transport,
  place: { readonly namespace: string; readonly name: string; readonly container: string },
): Promise<readonly string[]> {
  const { namespace, name, container } = place;
  const query = new URLSearchParams({
    container,
    tailLines: String(LOG_LINES),
    limitBytes: String(LOG_BYTES),
  });
  try {
    const { origin, pathPrefix, headers, requests } = await transport.connection();
    const { statusCode, body } = await requests.request({
      origin,
      path: `${pathPrefix}/api/v1/namespaces/${namespace}/pods/${name}/log?${query}`,
      method: 'GET',
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = (await body.text()).slice(0, LOG_BYTES);
    if (statusCode >= 400) return [`(cannot be read: ${reasonIn(text) ?? `HTTP ${statusCode}`})`];
    if (text.trim() === '') return ['(empty)'];
    const lines = text.trimEnd().split('\n');
    // A log that was cut may end in the middle of a secret value.
    return Buffer.byteLength(text) >= LOG_BYTES ? lines.slice(0, -1) : lines;
  } catch (error) {
    return [`(cannot be read: ${error instanceof Error ? error.message : String(error)})`];
  }
}

/** The message of a Status object, such as that a container is waiting to start; undefined: the text is none. */
function reasonIn(text: string): string | undefined {
  const message = readObject(text)?.['message'];
  return typeof message === 'string' ? message : undefined;
}

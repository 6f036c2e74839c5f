import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import type { Decision } from './plan.ts';
import { statusOf } from './status.ts';

type Body = AsyncIterable<Buffer>;
type BodyFault<Kind extends Fault['kind']> = (
  body: Body,
  fault: Extract<Fault, { kind: Kind }>,
  decision: Decision,
) => AsyncGenerator<Buffer>;

const SLICES_PER_SECOND = 20;

/** Thrown by a body that ends with its connection. */
export class Cut extends Error {
  override readonly name = 'Cut';
}

/** The body of a response as the fault leaves it. The rest of a body that is cut off is still read. */
export function faultyBody(body: Body, decision: Decision): Body {
  const { fault } = decision;
  switch (fault.kind) {
    case 'cut-mid-line':
      return cutMidLine(body, fault, decision);
    case 'silence':
      return fallSilent(body, fault, decision);
    case 'slow':
      return slow(body, fault, decision);
    case 'expire':
      return expire(body, fault, decision);
    case 'drop-bookmarks':
      return dropBookmarks(body, fault, decision);
    default:
      return body;
  }
}

const cutMidLine: BodyFault<'cut-mid-line'> = async function* (body, _, { lines, share, tookEffect }) {
  let passed = 0;
  for await (const line of linesOf(body)) {
    if (passed < lines) {
      passed += 1;
      yield line;
      continue;
    }
    const length = line.at(-1) === 0x0a ? line.length - 1 : line.length;
    yield line.subarray(0, 1 + Math.floor(share * Math.max(0, length - 1)));
    tookEffect();
    throw new Cut();
  }
};

const fallSilent: BodyFault<'silence'> = async function* (body, _, { lines, tookEffect }) {
  let passed = 0;
  // Without lines to pass, the fault takes effect immediately. It does not wait for a line, because a quiet watch may
  // send none, and its client does not notice that the watch is dead.
  if (lines === 0) tookEffect();
  for await (const line of linesOf(body)) {
    if (passed >= lines) continue;
    yield line;
    passed += 1;
    if (passed === lines) tookEffect();
  }
  if (passed < lines) return;
  // The end is withheld, too. The connection ends when the client gives up.
  await new Promise(() => undefined);
};

const slow: BodyFault<'slow'> = async function* (body, { bytesPerSecond }, { tookEffect }) {
  const size = Math.max(1, Math.floor(bytesPerSecond / SLICES_PER_SECOND));
  for await (const chunk of body) {
    for (let start = 0; start < chunk.length; start += size) {
      tookEffect();
      yield chunk.subarray(start, start + size);
      await sleep(1_000 / SLICES_PER_SECOND);
    }
  }
};

const expire: BodyFault<'expire'> = async function* (body, _, { lines, request, tookEffect }) {
  let passed = 0;
  if (lines > 0) {
    for await (const line of linesOf(body)) {
      yield line;
      passed += 1;
      if (passed === lines) break;
    }
  }
  if (passed < lines) return;
  tookEffect();
  yield Buffer.from(`${JSON.stringify({ type: 'ERROR', object: statusOf(410, request) })}\n`);
};

const dropBookmarks: BodyFault<'drop-bookmarks'> = async function* (body, { only }, { tookEffect }) {
  for await (const line of linesOf(body)) {
    if (isBookmark(line, only)) tookEffect();
    else yield line;
  }
};

function isBookmark(line: Buffer, only: 'initial-events-end' | undefined): boolean {
  if (!line.subarray(0, 40).includes('"BOOKMARK"')) return false;
  return only === undefined || line.includes('"k8s.io/initial-events-end":"true"');
}

/** The lines with their line breaks. The last line may have none. */
async function* linesOf(body: Body): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      yield Buffer.concat([...begun, chunk.subarray(start, end + 1)]);
      begun = [];
      start = end + 1;
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}

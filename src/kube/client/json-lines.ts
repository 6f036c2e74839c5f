/**
 * The JSON documents of a stream that has one in each line, as watches do. Bytes of a line may come in any
 * number of chunks; what follows the last line break is not complete and is dropped.
 *
 * @throws SyntaxError where a line is no JSON, and whatever the stream throws.
 */
export async function* jsonLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let begun: Uint8Array[] = [];
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const line = Buffer.concat([...begun, chunk.subarray(start, end)]).toString('utf8');
      begun = [];
      start = end + 1;
      if (line.trim() !== '') yield JSON.parse(line);
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
  }
}

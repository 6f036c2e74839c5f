/**
 * The JSON documents of a stream with one document per line, such as a watch. A line may be split into any number of
 * chunks. Bytes after the last line break are incomplete and are dropped.
 *
 * @throws SyntaxError if a line is not JSON, and any error of the stream
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

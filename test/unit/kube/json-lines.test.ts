import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jsonLines } from '../../../src/kube/client/json-lines.ts';

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

describe('jsonLines', () => {
  it('yields whole documents, wherever the chunks are split', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 9 }), async (documents, size) => {
        const text = documents.map((document) => `${JSON.stringify(document)}\n`).join('');
        const found = await Array.fromAsync(jsonLines(chunksOf(Buffer.from(text), size)));
        assert.deepEqual(found, JSON.parse(JSON.stringify(documents)));
      }),
    );
  });

  it('drops an incomplete last line', async () => {
    const found = await Array.fromAsync(jsonLines(chunksOf(Buffer.from('{"a":1}\n{"b":'), 4)));
    assert.deepEqual(found, [{ a: 1 }]);
  });
});

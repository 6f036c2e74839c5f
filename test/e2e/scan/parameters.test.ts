import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseImageReference } from '../../../src/image/reference.ts';
import { type ImageParameter, imageParameter } from '../../../src/scan/parameters.ts';
import { amount } from '../../support/amount.ts';
import { seed } from '../../support/seed.ts';
import { type Piece, parameterLists } from './parameter-lists.ts';
import { type Outcome, Trivy } from './trivy.ts';

/** About a tenth of a second of CPU each. */
const LISTS = amount(250, 5000);
const WORKERS = 2;

interface Compared {
  readonly pieces: readonly Piece[];
  readonly trivy: Outcome;
}

/**
 * What differs; undefined: nothing. Trivy and the controller must take the same argument for the image, or both refuse the list.
 *
 * - Trivy takes a text such as `docker://host/app` for an image on the host `docker`. The controller refuses it.
 * - Trivy refuses a repository with one character, such as `i`. It is valid for registries, so the controller accepts it.
 * - A value that Trivy does not accept, such as an unknown severity, is not a difference: a newer Trivy may accept it. The
 *   controller checks only what the library of the command line checks: numbers, durations, booleans and lists.
 */
function difference(parameters: readonly string[], trivy: Outcome): string | undefined {
  const found = imageParameter(parameters);
  const ours = found.result === 'Image' ? (parameters[found.index] ?? '') : undefined;
  if (trivy.outcome === 'UnknownFlag' ? isAfterFlag(found) : isSame(ours, trivy)) return undefined;
  return `${JSON.stringify(parameters)}: ours ${JSON.stringify(found)}, Trivy's ${JSON.stringify(trivy)}`;
}

/** A newer Trivy may know the flag, so the controller reads on. Then it must know that the image comes after that flag. */
function isAfterFlag(found: ImageParameter): boolean {
  return found.result !== 'Image' || found.after !== undefined;
}

function isSame(
  ours: string | undefined,
  trivy: Exclude<Outcome, { readonly outcome: 'UnknownFlag' }>,
): boolean {
  switch (trivy.outcome) {
    case 'Pulls':
      return ours === undefined ? !isImage(trivy.image) : ours === trivy.image;
    case 'RefusesName':
      return ours === undefined || (ours === trivy.image && ONE_CHARACTER.test(ours));
    case 'RefusesList':
    case 'ReadsArchive':
      return ours === undefined;
    case 'RefusesValue':
      return true;
  }
}

const ONE_CHARACTER = /^[a-z0-9](?::.*)?$/;

function isImage(text: string): boolean {
  try {
    parseImageReference(text);
    return true;
  } catch {
    return false;
  }
}

async function compareAll(): Promise<readonly Compared[]> {
  await using trivy = await Trivy.start();
  const lists = fc.sample(parameterLists, { seed, numRuns: LISTS });
  const compared: Compared[] = [];
  const work = lists.entries();
  const run = async (worker: number) => {
    for (const [, pieces] of work)
      compared.push({ pieces, trivy: await trivy.outcome(pieces.flat(), worker) });
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => run(worker)));
  return compared;
}

describe('imageParameter, compared with the real Trivy', () => {
  it(`finds the image that Trivy pulls in ${LISTS} random lists, and none where Trivy pulls none`, async (context) => {
    const compared = await compareAll();
    const different = compared.map(({ pieces, trivy }) => difference(pieces.flat(), trivy));
    const [shortest] = different.filter((each) => each !== undefined).toSorted((a, b) => a.length - b.length);
    const count = different.filter((each) => each !== undefined).length;
    assert.equal(
      shortest,
      undefined,
      `ICB_TEST_SEED=${seed}: ${count} of ${LISTS} differ; the shortest: ${shortest}`,
    );
    const reached = countOutcomes(compared);
    context.diagnostic(`seed ${seed}: ${LISTS} lists, none different; ${JSON.stringify(reached)}`);
    assert.ok(reached.Pulls > LISTS / 3, JSON.stringify(reached));
    assert.ok(reached.RefusesList > LISTS / 10, JSON.stringify(reached));
    assert.ok(reached.RefusesValue < LISTS / 8, JSON.stringify(reached));
    for (const { pieces, trivy } of compared)
      if (trivy.outcome === 'Pulls') checkUnknownFlags(pieces, trivy.image);
  });
});

function countOutcomes(compared: readonly Compared[]): Readonly<Record<Outcome['outcome'], number>> {
  const counts = {
    Pulls: 0,
    RefusesName: 0,
    RefusesValue: 0,
    UnknownFlag: 0,
    RefusesList: 0,
    ReadsArchive: 0,
  };
  for (const { trivy } of compared) counts[trivy.outcome] += 1;
  return counts;
}

/**
 * Trivy refuses unknown flags, but a newer one may know them. Whether it then pulls the image, or an unknown flag takes it as
 * its value: the controller must never find another image.
 */
function checkUnknownFlags(pieces: readonly Piece[], image: string): void {
  for (const parameters of withUnknownFlag(pieces)) {
    const found = imageParameter(parameters);
    const ours = found.result === 'Image' ? parameters[found.index] : undefined;
    assert.ok(ours === undefined || ours === image, `ICB_TEST_SEED=${seed}: ${JSON.stringify(parameters)}`);
  }
}

const UNKNOWN: readonly Piece[] = [
  ['--new'],
  ['-x'],
  ['--new', 'value'],
  ['--new', 'reg.example/value'],
  ['--new=value'],
];

/** The lists with one of these flags at one position. */
function withUnknownFlag(pieces: readonly Piece[]): readonly (readonly string[])[] {
  return UNKNOWN.flatMap((piece) =>
    Array.from({ length: pieces.length + 1 }, (_, at) => pieces.toSpliced(at, 0, piece).flat()),
  );
}

import { imageCredentialBindings } from '../../../src/api/index.ts';
import { type Attack, binding, pullSecret, SCHEDULED_SCANS, SECRETS, scheduledScan } from '../hostile.ts';

/** The API server takes no more than 1 MiB of data in a Secret. */
const LARGEST = 1_000_000;
/** As many as one binding may name. */
const MOST_SECRETS = 16;
/** So many of the broken ones are named by a binding. */
const NAMED = 2;

/** A4: what is kept of their entries, and of what is wrong with each, fills the heap. */
export const brokenEntries: Attack = {
  name: 'broken-entries',
  about: '16 pull secrets of 0.95 MiB with 100,000 broken entries each, 2 of them named by bindings',
  async begin(hostile) {
    const config = configOf((index) => `"${index.toString(36)}@":0`);
    const names = hostile.count(MOST_SECRETS, NAMED + 1).map((index) => `broken-${index}`);
    for (const name of names) await hostile.createOne(SECRETS, pullSecret(name, config));
    const bindings = names
      .slice(0, NAMED)
      .map((name) => binding(name, { image: `broken.example/${name}`, imagePullSecrets: [{ name }] }));
    await hostile.create(imageCredentialBindings, bindings);
  },
};

/** So many letters in the host give 16,384 patterns that fit it. */
const LETTERS = 14;
const WILD_HOST = `${'a'.repeat(LETTERS)}.example`;
/** The password of ECR's user, which says that it ended in 1970. */
const ENDED = btoa(`AWS:${btoa('{"expiration":1}')}`);

/** A8: all of the entries are candidates, and none of them can be used. */
export const endedEntries: Attack = {
  name: 'ended-entries',
  about: 'one binding that names 16 pull secrets of 0.95 MiB, full of entries that fit and have ended',
  async begin(hostile) {
    const config = configOf((index) => `"${patternOf(index)}":{"auth":"${ENDED}"}`, 2 ** LETTERS);
    const names = hostile.count(MOST_SECRETS).map((index) => `ended-${index}`);
    for (const name of names) await hostile.createOne(SECRETS, pullSecret(name, config));
    const image = `${WILD_HOST}/app`;
    await hostile.createOne(SCHEDULED_SCANS, scheduledScan('ended', `${image}:1`));
    await hostile.createOne(
      imageCredentialBindings,
      binding('ended', {
        image,
        imagePullSecrets: names.map((name) => ({ name })),
        verification: 'Preferred',
      }),
    );
  },
};

/** A Docker configuration of as many entries as there is room for. */
function configOf(entry: (index: number) => string, most = Number.POSITIVE_INFINITY): string {
  const entries: string[] = [];
  for (let index = 0, length = 0; index < most; index += 1) {
    const text = entry(index);
    length += text.length + 1;
    if (length > LARGEST) break;
    entries.push(text);
  }
  return `{"auths":{${entries.join(',')}}}`;
}

/** The host with a `*` for the letters whose bits are set: another pattern for each index below 2^LETTERS. */
function patternOf(index: number): string {
  return WILD_HOST.replace(/a/g, (_, place: number) => ((index >> place) & 1 ? '*' : 'a'));
}

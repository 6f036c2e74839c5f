import { imageCredentialBindings } from '../../../../src/api/index.ts';
import { type Attack, binding, pullSecret, SCHEDULED_SCANS, SECRETS, scheduledScan } from '../hostile.ts';

/** The API server accepts 1 MiB of data in a Secret. */
const LARGEST = 1_000_000;
/** A binding may name 16 Secrets. */
const MOST_SECRETS = 16;
/** Number of broken Secrets that bindings name. */
const NAMED = 2;

/** Aims at memory: the controller might keep the key and the problem of each entry. */
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

/** Each letter may be replaced by a `*`, which gives 16,384 patterns for one host. */
const LETTERS = 14;
const WILD_HOST = `${'a'.repeat(LETTERS)}.example`;
/** A login of ECR whose password has an expiration in 1970. */
const EXPIRED = btoa(`AWS:${btoa('{"expiration":1}')}`);

/** Aims at the event loop: every entry is a candidate, and none can be used. */
export const expiredEntries: Attack = {
  name: 'expired-entries',
  about: 'one binding that names 16 pull secrets of 0.95 MiB, full of entries that fit and have expired',
  async begin(hostile) {
    const config = configOf((index) => `"${patternOf(index)}":{"auth":"${EXPIRED}"}`, 2 ** LETTERS);
    const names = hostile.count(MOST_SECRETS).map((index) => `expired-${index}`);
    for (const name of names) await hostile.createOne(SECRETS, pullSecret(name, config));
    const image = `${WILD_HOST}/app`;
    await hostile.createOne(SCHEDULED_SCANS, scheduledScan('expired', `${image}:1`));
    await hostile.createOne(
      imageCredentialBindings,
      binding('expired', {
        image,
        imagePullSecrets: names.map((name) => ({ name })),
        verification: 'Preferred',
      }),
    );
  },
};

/** A Docker configuration with as many entries as a Secret can hold. */
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

/** The host with a `*` for each bit that is set in the index. */
function patternOf(index: number): string {
  return WILD_HOST.replace(/a/g, (_, place: number) => ((index >> place) & 1 ? '*' : 'a'));
}

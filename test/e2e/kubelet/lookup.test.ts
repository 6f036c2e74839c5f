import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { type Candidate, lookup } from '../../../src/credential/keyring.ts';
import { parsePullSecret } from '../../../src/credential/pull-secret.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { seed } from '../../support/seed.ts';
import { type Answer, ask } from './oracle.ts';
import { type Case, cases, type Entry } from './pull-secrets.ts';

const LOOK_UPS = 20_000;
const DOCKER_HUB_LEGACY = 'index.docker.io';

/** A credential and its source, as text for the comparison. */
type Described = string;

it(`the look-up finds the credentials that the kubelet finds, in its order, in ${LOOK_UPS} random cases`, async (context) => {
  const sample = fc.sample(cases, { seed, numRuns: LOOK_UPS });
  const answers = await ask(sample.map(({ image, mended }) => ({ image, secrets: mended })));
  const compared = sample.map((each, index) => compare(each, answers[index]));
  const different = compared.filter(({ ours, kubelets }) => ours.join() !== kubelets.join());
  const [shortest] = different.toSorted((a, b) => show(a.each).length - show(b.each).length);
  assert.equal(
    shortest,
    undefined,
    `ICB_TEST_SEED=${seed}: ${different.length} of ${LOOK_UPS} differ; the shortest:\n${shortest && show(shortest.each)}\n` +
      `ours:\n${shortest?.ours.join('\n')}\nthe kubelet's:\n${shortest?.kubelets.join('\n')}`,
  );
  const reached = counts(compared);
  context.diagnostic(`seed ${seed}: ${LOOK_UPS} look-ups, none different; ${JSON.stringify(reached)}`);
  for (const [what, count] of Object.entries(reached)) {
    assert.ok(count > LOOK_UPS / 200, `ICB_TEST_SEED=${seed}: only ${count} look-ups with ${what}`);
  }
});

interface Compared {
  readonly each: Case;
  readonly ours: readonly Described[];
  readonly kubelets: readonly Described[];
  readonly keys: readonly string[];
  readonly excluded: number;
  readonly unsent: number;
}

function compare(each: Case, answer: Answer | undefined): Compared {
  assert.ok(answer !== undefined && answer.error === undefined, `${answer?.error}: ${show(each)}`);
  const image = parseImageReference(each.image);
  const notHub = image.host !== 'docker.io' && !/[.:]/.test(image.host);
  const rows = answer.credentials.map(({ email, ...row }) => {
    const entry = each.entries.get(email);
    return { ...row, key: answer.keys?.[email] ?? '', entry };
  });
  // docs/adr/0008: such a host without dot and port is found only as a key of Docker Hub.
  const shown = rows.filter(({ key }) => !(notHub && key === DOCKER_HUB_LEGACY));
  // docs/adr/0008: Trivy sends no credential without a password, so such an entry is not a candidate.
  const unsent = shown.filter(isWithoutPassword);
  const described = shown.flatMap((row) => {
    const text = describeRow(row);
    return text === undefined ? [] : [{ text, group: `${row.secret} ${row.key}` }];
  });
  const groups = new Map(described.map(({ text, group }) => [text, group]));
  const found = lookup(keyrings(each), image).candidates.map(describeCandidate);
  return {
    each,
    ours: inGroups(found.map((text) => ({ text, group: groups.get(text) ?? text }))),
    kubelets: inGroups(described),
    keys: shown.map(({ key }) => key),
    excluded: rows.length - shown.length,
    unsent: unsent.length,
  };
}

function isWithoutPassword({ username, password, entry }: KubeletRow): boolean {
  return username !== '' && password === '' && entry?.token === undefined;
}

function keyrings({ secrets }: Case) {
  return secrets.flatMap(({ name, type, data }) => {
    const content = parsePullSecret(type, data);
    return content.result === 'Entries' ? [{ name, keyring: content.keyring }] : [];
  });
}

interface KubeletRow {
  readonly secret: string;
  readonly username: string;
  readonly password: string;
  readonly entry: Entry | undefined;
}

/** The kubelet's credential in our terms; `undefined`: it has nothing that Trivy would send to a registry. */
function describeRow(row: KubeletRow): Described | undefined {
  const { secret, username, password, entry } = row;
  const token = password === '' || username === '' ? entry?.token : undefined;
  if (token !== undefined) return `${secret} token ${token}`;
  if (username === '' || entry?.nature === 'NotUtf8' || isWithoutPassword(row)) return undefined;
  return `${secret} basic ${oneReplacement(username)} ${oneReplacement(password)}`;
}

function describeCandidate({ secret, credential }: Candidate): Described {
  if (credential.kind !== 'basic') return `${secret} token ${credential.token.reveal()}`;
  const { username, password } = credential;
  return `${secret} basic ${oneReplacement(username.reveal())} ${oneReplacement(password.reveal())}`;
}

/**
 * Go writes one replacement character for each byte that is not UTF-8. The WHATWG decoder writes one for each sequence of
 * such bytes.
 */
function oneReplacement(text: string): string {
  return text.replace(/\uFFFD+/g, '\uFFFD');
}

/** Sorts neighbors of one Secret whose keys are equivalent, because the kubelet's order of them is random. */
function inGroups(described: readonly { readonly text: Described; readonly group: string }[]) {
  const ordered: Described[] = [];
  let run: Described[] = [];
  for (const [index, { text, group }] of described.entries()) {
    run.push(text);
    if (described[index + 1]?.group === group) continue;
    ordered.push(...run.sort());
    run = [];
  }
  return ordered;
}

/** How many look-ups covered each case that the comparison must include. */
function counts(compared: readonly Compared[]): Readonly<Record<string, number>> {
  const count = (wanted: (each: Compared) => boolean) => compared.filter(wanted).length;
  const hub = ({ each }: Compared) => parseImageReference(each.image).host === 'docker.io';
  return {
    'a credential': count(({ ours }) => ours.length > 0),
    'several credentials': count(({ ours }) => ours.length > 1),
    'credentials of several secrets': count(
      ({ ours }) => new Set(ours.map((text) => text.slice(0, 2))).size > 1,
    ),
    'a glob': count(({ keys }) => keys.some((key) => key.includes('*'))),
    'a path': count(({ keys }) => keys.some((key) => key.includes('/'))),
    'a port': count(({ keys }) => keys.some((key) => /:\d/.test(key))),
    "Docker Hub's older name": count((each) => hub(each) && each.keys.includes(DOCKER_HUB_LEGACY)),
    'a token': count(({ ours }) => ours.some((text) => text.includes(' token '))),
    'an excluded credential for a host without a dot': count(({ excluded }) => excluded > 0),
    'an excluded credential without a password': count(({ unsent }) => unsent > 0),
    'a broken entry': count(({ each }) =>
      [...each.entries.values()].some(({ nature }) => nature === 'Broken'),
    ),
    'a config.json in the older type': count(({ each }) =>
      each.secrets.some(({ data }) => atob(data['.dockercfg'] ?? '').startsWith('{"auths"')),
    ),
    'an excluded key': count(({ each }) =>
      [...each.entries.values()].some(({ nature }) => nature === 'Excluded'),
    ),
    'a malformed secret': count(({ each }) => each.mended.length < each.secrets.length),
  };
}

function show({ image, secrets }: Case): string {
  const texts = secrets.map(({ name, type, data }) => {
    const [value = ''] = Object.values(data);
    return `${name} ${type} ${Buffer.from(value, 'base64').toString()}`;
  });
  return [image, ...texts].join('\n');
}

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { nearMisses } from '../../../src/credential/near-miss/near-miss.ts';
import { parsePullSecret } from '../../../src/credential/pull-secret.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { variantsOf } from '../../../src/platform/host-variants.ts';
import { seed } from '../../support/seed.ts';
import { ask, type PlainSecret } from './oracle.ts';
import { cases } from './pull-secrets.ts';

const CASES = 20_000;
const TYPE = 'kubernetes.io/dockerconfigjson';

it(`the kubelet finds each near miss of ${CASES} random cases with the corrected key, and not with its own`, async (context) => {
  const near = fc.sample(cases, { seed, numRuns: CASES }).flatMap(({ image, secrets }) => {
    const keyrings = secrets.flatMap(({ name, type, data }) => {
      const content = parsePullSecret(type, data);
      return content.result === 'Entries' ? [{ name, keyring: content.keyring }] : [];
    });
    const found = nearMisses(keyrings, parseImageReference(image), variantsOf);
    return found.map(({ registryKey, corrected, problem }) => ({ image, registryKey, corrected, problem }));
  });
  const answers = await ask(
    near.flatMap(({ image, registryKey, corrected }) =>
      [registryKey, corrected].map((key) => ({ image, secrets: [secretWith(key)] })),
    ),
  );
  for (const [index, each] of near.entries()) {
    const message = `ICB_TEST_SEED=${seed}: ${JSON.stringify(each)}`;
    const [own, corrected] = answers.slice(2 * index, 2 * index + 2);
    assert.equal(corrected?.credentials.length, 1, message);
    // The key of Docker Hub's fallback fits alone, but not beside an entry without a credential.
    if (!each.problem.includes('used only if')) assert.deepEqual(own?.credentials, [], message);
  }
  const kinds = new Set(near.map(({ problem }) => problem.replace(/"[^"]*"|\d+/g, '…')));
  context.diagnostic(`seed ${seed}: ${near.length} near misses of ${kinds.size} kinds`);
  assert.ok(near.length > CASES / 20 && kinds.size > 10);
});

function secretWith(key: string): PlainSecret {
  const config = { auths: { [key]: { username: 'u', password: 'p' } } };
  return {
    name: 'pull',
    type: TYPE,
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
  };
}

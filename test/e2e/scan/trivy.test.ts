import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ALIASES, REMOVED_FLAGS, TRIVY_FLAGS } from '../../../src/scan/trivy-flags.ts';
import { Trivy } from './trivy.ts';

/** A flag's line in cobra's help: `  -s, --severity strings   …`. A flag without a value has no type. */
const FLAG = /^ +(?:-(?<short>\w), )? *--(?<long>[\w-]+)(?: (?<type>[\w.:]+(?: or \w+)?))?(?: {2,}.*)?$/;

/** Trivy accepts these flags, too, but its help does not list them: they are internal, deprecated or removed. */
const UNLISTED = ['h', 'help', 'light', 'path-prefix', 'slow', 'trace-http', ...REMOVED_FLAGS];

describe("the list of Trivy's flags", () => {
  it('matches the help of the real Trivy, with the type of each flag', async () => {
    await using trivy = await Trivy.start();
    const listed = (await trivy.help())
      .split('\n')
      .map((line) => FLAG.exec(line)?.groups)
      .filter((groups) => groups !== undefined)
      .flatMap(({ short, long, type = 'bool' }) => [short, long].map((name) => ({ name, type })))
      .filter(({ name }) => name !== undefined);
    const isListed = (name: string) => !(name in ALIASES) && !UNLISTED.includes(name);
    const known = [...TRIVY_FLAGS].filter(([name]) => isListed(name));
    const text = ({ name, type }: { name: string | undefined; type: string | undefined }) =>
      `${name} ${type}`;
    assert.deepEqual(listed.map(text).sort(), known.map(([name, { type }]) => text({ name, type })).sort());
    assert.ok(listed.length > 90, `found ${listed.length} flags`);
  });

  it('contains the flags that the help of the real Trivy does not list', async () => {
    await using trivy = await Trivy.start();
    for (const name of ['light', 'path-prefix', 'slow', 'trace-http']) {
      const isBoolean = TRIVY_FLAGS.get(name)?.type === 'bool';
      const { stderr, ...found } = await trivy.outcome([`--${name}`, ...(isBoolean ? [] : ['x']), 'nginx']);
      assert.deepEqual(found, { outcome: 'Pulls', image: 'nginx' }, stderr);
    }
    for (const name of REMOVED_FLAGS) {
      const { stderr } = await trivy.outcome([`--${name}`, 'nginx']);
      assert.match(stderr, new RegExp(`"--${name}" was removed`));
    }
    const { stderr } = await trivy.outcome(['--flag-that-does-not-exist', 'nginx']);
    assert.match(stderr, /unknown flag/);
  });

  it('contains aliases that the real Trivy takes for the same flags', async () => {
    await using trivy = await Trivy.start();
    // The value is invalid for flags with a set of values, and Trivy then names the flag. For others, it warns.
    for (const [alias, name] of Object.entries(ALIASES)) {
      const isBoolean = TRIVY_FLAGS.get(alias)?.type === 'bool';
      const { stderr, outcome } = await trivy.outcome([`--${alias}`, ...(isBoolean ? [] : ['x']), 'nginx']);
      const isKnown = outcome === 'Pulls' || outcome === 'RefusesValue' || REMOVED_FLAGS.has(name);
      assert.ok(isKnown, `${alias}: ${stderr}`);
      if (!UNDEPRECATED.includes(alias))
        assert.match(stderr, new RegExp(`'--${alias}' is deprecated. Use '--${name}'`));
    }
  });
});

/** Aliases without a warning. */
const UNDEPRECATED = ['data', 'namespaces'];

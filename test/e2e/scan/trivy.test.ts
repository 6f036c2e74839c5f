import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { TRIVY_BOOLEAN_FLAGS } from '../../../src/scan/parameters.ts';

/** A flag's line in cobra's help: `  -s, --severity strings   …`. A flag without a value has no type. */
const FLAG = /^ +(?:(?<short>-\w), )? *(?<long>--[\w-]+)(?<type> [\w.:]+(?: or \w+)?)?(?: {2,}.*)?$/;

/** Trivy accepts these flags, too, but its help does not list them. */
const UNLISTED = ['--help', '--trace-http', '-h'];

describe("the list of Trivy's boolean flags", () => {
  it('matches the help of the real Trivy', async () => {
    const { trivy } = await tools(['trivy'], (line) => process.stderr.write(`${line}\n`));
    await using group = await ProcessGroup.start();
    const { stdout } = await group.run(trivy, ['image', '--help']);
    const flags = stdout
      .split('\n')
      .map((line) => FLAG.exec(line)?.groups)
      .filter((groups) => groups !== undefined);
    const known = flags.flatMap(({ short, long, type }) =>
      [short, long].map((flag) => ({ flag, valued: type !== undefined })),
    );
    const boolean = known.filter(({ flag, valued }) => flag !== undefined && !valued).map(({ flag }) => flag);
    assert.deepEqual([...boolean, ...UNLISTED].sort(), [...TRIVY_BOOLEAN_FLAGS].sort());
    assert.ok(flags.length > 80, `found ${flags.length} flags`);
  });
});

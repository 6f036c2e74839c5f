/** What a scan loses whose own login for Trivy's database is overridden, as ScansBound and `explain` say. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { authByLogin } from '../../../src/platform/access.ts';

const LOGIN = { username: 'scanner', password: 'secret' };
const CREDENTIAL = {
  kind: 'basic',
  username: new SecretValue(LOGIN.username),
  password: new SecretValue(LOGIN.password),
} as const;

describe("a scan whose own login for Trivy's database is overridden", () => {
  it('cannot pull the database, unless the database is in the registry of the image', async () => {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { trivy } = await tools(['trivy'], log);
    await using group = await ProcessGroup.start();
    await using registry = await startRegistry({ user: LOGIN, group, log });
    const { host } = registry;
    let count = 0;

    /** What the real Trivy says when it pulls its database from this registry, with the Docker config for `configured`. */
    const pull = async (configured: string) => {
      count += 1;
      const folder = join(group.directory, `trivy-${count}`);
      await mkdir(folder);
      const { files } = authByLogin(CREDENTIAL, configured);
      for (const [name, content] of Object.entries(files))
        await writeFile(join(folder, name), content.reveal());
      const env = { HOME: folder, DOCKER_CONFIG: folder, TRIVY_CACHE_DIR: join(folder, 'cache') };
      const flags = [
        '--insecure',
        '--download-db-only',
        '--db-repository',
        `${host}/trivy-db:2`,
        '--skip-version-check',
      ];
      const { stderr } = await group.run(trivy, ['image', ...flags], { env });
      return stderr;
    };

    const missing = /MANIFEST_UNKNOWN|NAME_UNKNOWN/;
    // Its own config, or the delivered one if the image is in the same registry. The login is accepted.
    assert.match(await pull(host), missing);
    // The delivered config for an image in another registry.
    const refused = await pull('reg.example');
    assert.match(refused, /UNAUTHORIZED/);
    assert.doesNotMatch(refused, missing);
  });
});

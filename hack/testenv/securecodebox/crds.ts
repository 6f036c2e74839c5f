import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../../..');

/** Where secureCodeBox's own CRDs are, where they are at hand. */
export const REAL_CRDS: string = join(repository, '../shared/securecodebox-crds');
/** Where this project's small versions of them are. */
export const FIXTURE_CRDS: string = join(repository, 'test/support/fixtures/securecodebox-crds');

/** The files of secureCodeBox's four CRDs: the real ones where they are at hand, else the fixture. */
export function secureCodeBoxCrds(): string[] {
  return globSync(join(existsSync(REAL_CRDS) ? REAL_CRDS : FIXTURE_CRDS, '*.yaml')).toSorted();
}

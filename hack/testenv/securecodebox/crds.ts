import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../root.ts';

/** Where secureCodeBox's own CRDs are, where they are at hand. */
export const REAL_CRDS: string = join(ROOT, '../shared/securecodebox-crds');
/** Where this project's small versions of them are. */
export const FIXTURE_CRDS: string = join(ROOT, 'test/support/fixtures/securecodebox-crds');

/** The files of secureCodeBox's four CRDs: the real ones where they are at hand, else the fixture. */
export function secureCodeBoxCrds(): string[] {
  return globSync(join(existsSync(REAL_CRDS) ? REAL_CRDS : FIXTURE_CRDS, '*.yaml')).toSorted();
}

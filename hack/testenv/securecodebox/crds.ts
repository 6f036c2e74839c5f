import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../root.ts';

/** Folder of secureCodeBox's own CRDs, if they are available. */
export const REAL_CRDS: string = join(ROOT, '../shared/securecodebox-crds');
/** Folder of this project's reduced versions of these CRDs. */
export const FIXTURE_CRDS: string = join(ROOT, 'test/support/fixtures/securecodebox-crds');

/** The files of secureCodeBox's four CRDs: the real ones if they are available, otherwise the fixtures. */
export function secureCodeBoxCrds(): string[] {
  return globSync(join(existsSync(REAL_CRDS) ? REAL_CRDS : FIXTURE_CRDS, '*.yaml')).toSorted();
}

/** Paths of this checkout and of the folders in it that tests and scripts read. */
import { join } from 'node:path';

/** The folder that contains package.json. */
export const ROOT: string = join(import.meta.dirname, '..');

/** The Helm chart. */
export const CHART: string = join(ROOT, 'charts/image-credential-binding');

/** The project's own CRDs. */
export const CRDS: string = join(ROOT, 'crds');

/** The documentation. */
export const DOCS: string = join(ROOT, 'docs');

import type { EnvVar } from '../object/index.ts';
import { MOUNT_PATH } from '../platform/index.ts';
import { isRecord } from '../text/index.ts';

/** The logins that a user has given to Trivy in a ScheduledScan. A delivered credential may override them. */
export interface OwnLogins {
  /** Names of variables with a value. */
  readonly variables: readonly string[];
  /** The path at which a Docker config is mounted where Trivy finds it without DOCKER_CONFIG; undefined: none. */
  readonly dockerConfig: string | undefined;
}

interface EnvEntry {
  readonly name: string;
  readonly value?: unknown;
  readonly valueFrom?: unknown;
}
interface VolumeMount {
  readonly mountPath?: unknown;
}

export const NO_LOGINS: OwnLogins = { variables: [], dockerConfig: undefined };
/** The variables that a delivery may set: see `env` of TrivyAuth in src/platform. */
export const LOGIN_VARIABLE =
  /^(?:DOCKER_(?:AUTH_)?CONFIG|TRIVY_(?:USERNAME|PASSWORD|REGISTRY_TOKEN)|(?:AWS|GOOGLE|AZURE)_[A-Z0-9_]{1,64})$/;
/** Limit on variables. AWS has about twenty. */
const MOST_VARIABLES = 32;
const LONGEST_PATH = 253;
/** Where Trivy looks for a Docker config if DOCKER_CONFIG is not set, in any home directory. */
const DOCKER_CONFIG_PATH = /\/\.docker(?:\/config\.json)?\/?$/;
/** Autodiscovery creates this Secret for each run, and the variables that read it. They are not a user's. */
const AUTODISCOVERY_SECRET = 'temporary-secret-';

/** @param spec - a scanSpec without the entries of the controller. In a file for `explain`, its lists may be null. */
export function readOwnLogins(spec: {
  readonly env?: readonly EnvEntry[] | null;
  readonly volumeMounts?: readonly VolumeMount[] | null;
}): OwnLogins {
  const effective = new Map(spec.env?.map((entry) => [entry.name, entry]));
  const variables = [...effective.values()].filter(isOwnLogin).map(({ name }) => name);
  const dockerConfig = spec.volumeMounts?.map(({ mountPath }) => mountPath).find(isDockerConfig);
  if (variables.length === 0 && dockerConfig === undefined) return NO_LOGINS;
  return { variables: variables.slice(0, MOST_VARIABLES), dockerConfig };
}

function isOwnLogin({ name, value, valueFrom }: EnvEntry): boolean {
  if (!LOGIN_VARIABLE.test(name)) return false;
  if (valueFrom !== undefined && valueFrom !== null) return !isAutodiscovery(valueFrom);
  // If another client has removed the restore annotation, the entries of the controller look like a user's.
  return typeof value === 'string' && value !== '' && !value.startsWith(MOUNT_PATH);
}

function isAutodiscovery(valueFrom: unknown): boolean {
  const reference = isRecord(valueFrom) ? valueFrom['secretKeyRef'] : undefined;
  const name = isRecord(reference) ? reference['name'] : undefined;
  return typeof name === 'string' && name.startsWith(AUTODISCOVERY_SECRET);
}

function isDockerConfig(path: unknown): path is string {
  return typeof path === 'string' && path.length <= LONGEST_PATH && DOCKER_CONFIG_PATH.test(path);
}

/**
 * A clause about the user's logins that a delivery overrides, with what fails and what to do; undefined: it overrides none.
 *
 * @param env - the variables of the delivery
 * @param when - `Now`: the scan has this delivery. `Later`: it gets it when it is bound
 */
export function overriddenLogins(
  { variables, dockerConfig }: OwnLogins,
  env: readonly Pick<EnvVar, 'name'>[],
  when: 'Now' | 'Later',
): string | undefined {
  const delivered = new Set(env.map(({ name }) => name));
  const names = variables.filter((name) => delivered.has(name));
  const isMountUnused = dockerConfig !== undefined && delivered.has('DOCKER_CONFIG');
  const mount = isMountUnused && !names.includes('DOCKER_CONFIG') ? [`Docker config at ${dockerConfig}`] : [];
  const all = [...names, ...mount];
  if (all.length === 0) return undefined;
  const it = all.length === 1 ? 'it' : 'them';
  const now = all.length === 1 ? 'is' : 'are';
  const overridden = `${when === 'Now' ? now : 'will be'} overridden`;
  return (
    `its ${all.join(', ')} ${overridden}, so Trivy cannot use ${it} for its databases or a mirror; if only the image needs ` +
    `${it}, remove ${it}; otherwise keep the databases in a public registry or that of the image, or exclude the ` +
    'ScheduledScan with spec.scanSelector'
  );
}

import { MOUNT_PATH } from '../platform/index.ts';
import { mountedBy, type ScanSpec, VOLUME_NAME } from './delivery.ts';
import { LOGIN_VARIABLE } from './own-logins.ts';
import type { Restore } from './restore.ts';
import type { ScanDelivery } from './scan-delivery.ts';

/** The entries of the controller in a scanSpec that was copied without the restore annotation. */
export interface CopiedDelivery<Spec extends ScanSpec> {
  /** The scanSpec in the controller's own notation, in which an empty variable has the value `''`. */
  readonly spec: Spec;
  /** What `revertDelivery` needs to remove the entries. */
  readonly restore: Restore;
  /** undefined: some entries are missing, so that Trivy cannot use the others. */
  readonly delivery: ScanDelivery | undefined;
}

type Entry = NonNullable<ScanSpec['env']>[number] & {
  readonly value?: unknown;
  readonly valueFrom?: unknown;
};

/** The Secret of an incomplete delivery. It is never mounted. */
const NO_SECRET = 'trivy-none';

/**
 * Finds the entries that the controller added to a ScheduledScan in a scanSpec that was copied from it, for example by
 * secureCodeBox to a Scan. The restore annotation is not copied, so entries are recognized by their content:
 *
 * | entry | recognized by |
 * |---|---|
 * | volume | its name, and an optional Secret named `trivy-…`, or one that is mounted as config.json only |
 * | mount | the name of that volume |
 * | variable that points to a file | a login variable whose value is in the mount path |
 * | variable that disables another login | an empty login variable directly after such a variable |
 *
 * @returns undefined: there are no such entries, or another client's volume has the name of the controller's
 */
export function copiedDelivery<Spec extends ScanSpec>(spec: Spec): CopiedDelivery<Spec> | undefined {
  const volumes = spec.volumes?.filter(({ name }) => name === VOLUME_NAME).map(mountedBy) ?? [];
  if (volumes.includes(undefined)) return undefined;
  const { env, positions } = ownVariables(spec.env ?? []);
  if (volumes.length === 0 && env.length === 0) return undefined;
  const delivery = wholeDelivery(spec, volumes[0], env);
  return {
    spec: positions.size === 0 ? spec : { ...spec, env: spelledOut(spec.env ?? [], positions) },
    restore: {
      delivery: delivery ?? { secretName: NO_SECRET, mountPath: MOUNT_PATH, env },
      added: ['env', 'volumes', 'volumeMounts'],
    },
    delivery,
  };
}

/** undefined: entries are missing. */
function wholeDelivery(
  { volumeMounts = [] }: ScanSpec,
  mounted: ReturnType<typeof mountedBy>,
  env: ScanDelivery['env'],
): ScanDelivery | undefined {
  const mountPath = volumeMounts.find(({ name }) => name === VOLUME_NAME)?.mountPath;
  if (mounted === undefined || mountPath === undefined || env.length === 0) return undefined;
  const { secretName, mounts } = mounted;
  return { secretName, mountPath, env, ...(mounts === undefined ? {} : { mounts }) };
}

/** The variables of the controller: each one that points into the mount, and the empty ones that follow it. */
function ownVariables(entries: readonly Entry[]): {
  readonly env: ScanDelivery['env'];
  readonly positions: ReadonlySet<number>;
} {
  const positions = new Set<number>();
  const env = entries.flatMap((entry, index) => {
    const { name, value = '', valueFrom } = entry;
    const isLogin = typeof value === 'string' && valueFrom === undefined && LOGIN_VARIABLE.test(name);
    if (!isLogin || !(isInMount(value) || (value === '' && positions.has(index - 1)))) return [];
    positions.add(index);
    return [{ name, value }];
  });
  return { env, positions };
}

function isInMount(value: string): boolean {
  return value === MOUNT_PATH || value.startsWith(`${MOUNT_PATH}/`);
}

/** secureCodeBox's operator omits an empty `value`, as all Go programs do. */
function spelledOut(entries: readonly Entry[], positions: ReadonlySet<number>): readonly Entry[] {
  return entries.map((entry, index) =>
    positions.has(index) ? { name: entry.name, value: entry.value ?? '' } : entry,
  );
}

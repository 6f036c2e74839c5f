import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';

const RESOURCES = 'imagecredentialbindings|scheduledscans|secrets|events';
const REQUESTS = new RegExp(
  `^apiserver_request_total\\{(?=[^}]*resource="(?<resource>${RESOURCES})")(?=[^}]*subresource="(?<subresource>\\w*)")` +
    '(?=[^}]*verb="(?<verb>GET|POST|PUT|PATCH|APPLY|DELETE)")[^}]*\\} (?<count>\\S+)$',
  'gm',
);

/** The load of the API server from all clients since its start. */
export interface Load {
  readonly cpuSeconds: number;
  /** Requests for single objects of the controller's resources by verb and resource, such as `PUT scheduledscans`. */
  readonly requests: ReadonlyMap<string, number>;
}

export async function loadOf(controlPlane: ControlPlane): Promise<Load> {
  const { stdout } = await controlPlane.kubectl(['get', '--raw', '/metrics']);
  const requests = new Map<string, number>();
  for (const { groups = {} } of stdout.matchAll(REQUESTS)) {
    const { verb, resource, subresource, count } = groups;
    const what = `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`}`;
    requests.set(what, (requests.get(what) ?? 0) + Number(count));
  }
  const cpuSeconds = Number(/^process_cpu_seconds_total (\S+)$/m.exec(stdout)?.[1]);
  return { cpuSeconds, requests };
}

/** The requests between two measurements, divided by `each`: `1.00 PUT scheduledscans, …`. */
export function requestsPerEach(before: Load, after: Load, each: number): string {
  return [...after.requests]
    .map(([what, count]) => ({ what, count: count - (before.requests.get(what) ?? 0) }))
    .filter(({ count }) => count > 0)
    .map(({ what, count }) => `${(count / each).toFixed(2)} ${what}`)
    .join(', ');
}

/**
 * The properties of a request by which faults are targeted: the request as kube-apiserver understands it, and its
 * number among its kind.
 */
export interface ProxiedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /**
   * `get`, `list`, `watch`, `create`, … as in RBAC. For a path that is not a Kubernetes resource: the method in lower
   * case.
   */
  readonly verb: string;
  /** Plural; empty for a path that is not a Kubernetes resource. */
  readonly resource: string;
  readonly group: string;
  readonly name: string | undefined;
  /** Method and path, with the query parameters that do not differ between requests: no versions, tokens or times. */
  readonly kind: string;
  /** 1 for the first request of this kind. */
  readonly occurrence: number;
}

export type Matches = (request: ProxiedRequest) => boolean;

export const isWatch: Matches = ({ verb }) => verb === 'watch';
export const isList: Matches = ({ verb }) => verb === 'list';
/** A list from its second page on. */
export const isNextPage: Matches = ({ verb, query }) => verb === 'list' && query.has('continue');
/**
 * A request after which the client replaces everything that it holds: the first page of a list, or a streaming list.
 */
export const isFreshList: Matches = ({ verb, query }) =>
  (verb === 'list' && !query.has('continue')) ||
  (verb === 'watch' && query.get('sendInitialEvents') === 'true');
export const isWrite: Matches = ({ method }) => !['GET', 'HEAD', 'OPTIONS'].includes(method);

const COLLECTION_VERBS: Readonly<Record<string, string>> = {
  GET: 'list',
  HEAD: 'list',
  POST: 'create',
  DELETE: 'deletecollection',
};
const OBJECT_VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const TRUE = new Set(['true', '1']);

/**
 * Reads the method and target of a request.
 *
 * @see https://github.com/kubernetes/apiserver/blob/v0.37.2/pkg/endpoints/request/requestinfo.go
 */
export function readRequest(method: string, target: string): Omit<ProxiedRequest, 'occurrence'> {
  const { pathname: path, searchParams: query } = new URL(target, 'http://proxy.invalid');
  const kind = kindOf(method, path, query);
  const parts = resourceParts(path);
  if (parts === undefined) {
    return {
      method,
      path,
      query,
      kind,
      verb: method.toLowerCase(),
      resource: '',
      group: '',
      name: undefined,
    };
  }
  const verbs = parts.name === undefined ? COLLECTION_VERBS : OBJECT_VERBS;
  const mapped = verbs[method] ?? method.toLowerCase();
  const verb = mapped === 'list' && TRUE.has(query.get('watch') ?? '') ? 'watch' : mapped;
  return { method, path, query, kind, verb, ...parts };
}

function resourceParts(path: string): Pick<ProxiedRequest, 'group' | 'resource' | 'name'> | undefined {
  const [root, ...rest] = path.split('/').filter((part) => part !== '');
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : (rest.shift() ?? '');
  const [version, ...below] = rest;
  if (version === undefined || below.length === 0) return undefined;
  const [resource = '', name] = below[0] === 'namespaces' && below.length > 2 ? below.slice(2) : below;
  return { group, resource, name };
}

function kindOf(method: string, path: string, query: URLSearchParams): string {
  const lasting = ['watch', 'sendInitialEvents', 'labelSelector', 'fieldSelector']
    .filter((name) => query.has(name))
    .map((name) => `${name}=${query.get(name)}`);
  if (query.has('continue')) lasting.push('continue');
  return `${method} ${path}${lasting.length === 0 ? '' : `?${lasting.join('&')}`}`;
}

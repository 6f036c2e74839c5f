import type { RegistryAnswer } from '../answer/index.ts';
import type { Reply } from './http/index.ts';

const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** Types that old registries send regardless of `Accept`. */
const OLD_MANIFEST_TYPES: readonly string[] = [
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];

/** The header `Accept` for all types of manifests that an image may have. */
export const ACCEPT = MANIFEST_TYPES.join(', ');

/** Limit on the errors of an answer that are read. Registries send one. */
const MOST_ERRORS = 16;

const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;

/** Whether a HEAD must be repeated as GET, because only a body distinguishes an unknown repository from an unknown manifest. */
export function needsGet(status: number): boolean {
  return status === 404 || status === 405 || status === 501;
}

/**
 * The result of a check from a registry's answer to the request for a manifest. Codes: OCI distribution-spec, "Error Codes".
 * Registries commonly answer 404 for a repository without access. So only an unknown manifest proves access.
 */
export function readManifestReply(reply: Reply): RegistryAnswer {
  const { status } = reply;
  if (status === 200) return present(reply);
  if (status === 401 || status === 403) return { result: 'Denied', httpCode: status, at: 'manifest' };
  if (status === 404) return absent(errorCodes(reply.body));
  return { result: 'Unreachable', why: 'UnexpectedStatus', at: 'manifest', httpCode: status };
}

/** The status 200 alone does not suffice, because a captive portal answers 200 to every request. */
function present({ headers }: Reply): RegistryAnswer {
  const digest = headers['docker-content-digest']?.[0] ?? '';
  if (DIGEST.test(digest)) return { result: 'Pullable', digest };
  const type = headers['content-type']?.[0]?.split(';')[0]?.trim().toLowerCase() ?? '';
  const known = MANIFEST_TYPES.includes(type) || OLD_MANIFEST_TYPES.includes(type);
  return known
    ? { result: 'Pullable' }
    : { result: 'Unreachable', why: 'NotARegistry', at: 'manifest', httpCode: 200 };
}

function absent(codes: ReadonlySet<string>): RegistryAnswer {
  if (codes.has('NAME_UNKNOWN')) return { result: 'Inconclusive', why: 'RepositoryUnknown' };
  const refused = codes.has('DENIED') || codes.has('UNAUTHORIZED');
  return codes.has('MANIFEST_UNKNOWN') && !refused
    ? { result: 'Allowed' }
    : { result: 'Inconclusive', why: 'NotFound' };
}

function errorCodes(body: string): ReadonlySet<string> {
  const errors = field(parseJson(body), 'errors');
  const codes = Array.isArray(errors)
    ? errors.slice(0, MOST_ERRORS).map((error) => field(error, 'code'))
    : [];
  return new Set(codes.filter((code) => typeof code === 'string'));
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

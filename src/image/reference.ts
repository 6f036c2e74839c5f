import { quoted } from '../text/index.ts';

/**
 * An image's name in canonical form. Docker's short names are expanded (`nginx` is `library/nginx` on `docker.io`). So
 * two references name the same repository if and only if `host` and `repository` are equal.
 *
 * Hosts are case-sensitive, as in distribution, containerd, the kubelet and Trivy. Folding the case would change the
 * meaning: `ACME` is a host in `ACME/shop` because of its capitals, but `acme/shop` is a repository on Docker Hub.
 */
export interface ImageReference {
  /** The registry, with the port if the reference has one: `docker.io`, `localhost:5000`, `[2001:db8::1]:5000`. */
  readonly host: string;
  /** The path on that registry: `library/nginx`. */
  readonly repository: string;
  readonly tag?: string | undefined;
  /** With its algorithm: `sha256:…`. */
  readonly digest?: string | undefined;
}

/** The text is not an image reference. The message says what was expected, what was found, and what to do. */
export class ImageReferenceError extends Error {
  override readonly name = 'ImageReferenceError';
}

const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_LEGACY = 'index.docker.io';
const OFFICIAL_IMAGES = 'library/';

const REPOSITORY_MAX = 255;
/** A DNS name has at most 253 characters, and a port 5. distribution itself sets no limit. */
const HOST_MAX = 259;

// In these expressions, the next character always decides how a match continues, so none backtracks far. Lengths are
// checked first.
/** 64 hex digits, which are an image ID in Docker. */
export const IDENTIFIER = /^[a-f0-9]{64}$/;
const DOMAIN_NAME = /^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*(?::[0-9]+)?$/i;
const IPV6_ADDRESS = /^\[[a-f0-9:]+\](?::[0-9]+)?$/i;
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
export const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
const UPPER_CASE = /[A-Z]/;

/**
 * Parses an image reference, as in a pod or a scan, into canonical form.
 *
 * Accepts the same texts as `ParseNormalizedNamed` of github.com/distribution/reference, with the digests of go-digest
 * (sha256, sha384, sha512), and returns the same parts. There are two differences. A first component with an underscore
 * and a dot (`my_host.example/app`) is the host, as in the kubelet's keyring and in Trivy. distribution makes it part of
 * the path and reports no host. And a host has at most 259 characters.
 *
 * @throws {@link ImageReferenceError}, and nothing else, for any other text.
 */
export function parseImageReference(text: string): ImageReference {
  rejectNonNames(text);
  const [name, digest] = cut(text, '@');
  const [host, remainder] = splitHost(name);
  const [path, tag] = cut(remainder, ':');
  const repository = host === DOCKER_HUB && !path.includes('/') ? `${OFFICIAL_IMAGES}${path}` : path;

  checkHost(host, text);
  // If distribution does not recognize the host, it includes the host in the length of the repository.
  const measured = isAddress(host) ? repository : `${host}/${repository}`;
  checkLength(measured, path, text);
  checkRepository(repository, path, text);
  if (tag !== undefined && !TAG.test(tag)) {
    throw unexpected(text, 'a tag of at most 128 letters, digits, "_", "." and "-"', tag, 'Correct the tag');
  }
  if (digest !== undefined && !DIGEST.test(digest)) {
    const expected = 'a digest: sha256:, sha384: or sha512: and 64, 96 or 128 lowercase hex digits';
    throw unexpected(text, expected, digest, 'Copy the digest from the registry again');
  }
  return { host, repository, tag, digest };
}

/** The canonical text of a reference. {@link parseImageReference} parses it into an equal reference. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryName(reference)}${tag}${digest}`;
}

/**
 * The short form that users read and write: without `docker.io/` and `library/` where they are optional.
 * {@link parseImageReference} parses it into an equal reference. If the short text would name a different image
 * (`docker.io/localhost/app`), the result is the canonical text. `FamiliarString` of
 * github.com/distribution/reference shortens such a name, too.
 */
export function formatFamiliar(reference: ImageReference): string {
  const canonical = formatReference(reference);
  if (reference.host !== DOCKER_HUB) {
    return canonical;
  }
  const path = canonical.slice(DOCKER_HUB.length + 1);
  const short = isOfficial(reference.repository) ? path.slice(OFFICIAL_IMAGES.length) : path;
  return parsesTo(short, canonical) ? short : canonical;
}

function isOfficial(repository: string): boolean {
  return repository.startsWith(OFFICIAL_IMAGES) && !repository.includes('/', OFFICIAL_IMAGES.length);
}

function parsesTo(text: string, canonical: string): boolean {
  try {
    return formatReference(parseImageReference(text)) === canonical;
  } catch (error) {
    if (error instanceof ImageReferenceError) return false;
    throw error;
  }
}

/** Host and repository without a version, as the kubelet looks it up in its keyring: `docker.io/library/nginx`. */
export function repositoryName(reference: ImageReference): string {
  return `${reference.host}/${reference.repository}`;
}

function rejectNonNames(text: string): void {
  if (text === '') {
    throw unexpected(text, 'an image such as registry.example.com/team/app:1.0', text, 'Name an image');
  }
  if (IDENTIFIER.test(text)) {
    const advice = 'Name the repository, or put one before the digest: name@sha256:…';
    throw unexpected(text, 'the name of an image', text, `64 hex digits alone are an image ID. ${advice}`);
  }
  if (text.includes('://')) {
    throw unexpected(text, 'a name without a scheme', text, 'Remove the scheme before the host');
  }
}

function splitHost(name: string): readonly [host: string, remainder: string] {
  const [first, remainder] = cut(name, '/');
  if (remainder === undefined || !isHost(first)) {
    return [DOCKER_HUB, name];
  }
  return [first === DOCKER_HUB_LEGACY ? DOCKER_HUB : first, remainder];
}

/** Docker's rule for `first/…`: if it does not look like a host, it is part of a repository on Docker Hub. */
function isHost(first: string): boolean {
  return first === 'localhost' || first.includes('.') || first.includes(':') || first !== first.toLowerCase();
}

function checkHost(host: string, text: string): void {
  if (host.length > HOST_MAX) {
    throw unexpected(text, `a host of at most ${HOST_MAX} characters`, host, 'Correct the host');
  }
  if (!isAddress(host) && !(host.includes('.') && REPOSITORY.test(host))) {
    const expected = 'a DNS name, an IPv4 address or an IPv6 address in brackets, with an optional :port';
    throw unexpected(text, expected, host, 'Correct the part before the first "/"');
  }
}

function isAddress(host: string): boolean {
  return DOMAIN_NAME.test(host) || IPV6_ADDRESS.test(host);
}

function checkLength(repository: string, written: string, text: string): void {
  if (repository.length > REPOSITORY_MAX) {
    const expected = `a repository of at most ${REPOSITORY_MAX} characters`;
    throw unexpected(text, expected, written, 'Correct the repository');
  }
}

function checkRepository(repository: string, written: string, text: string): void {
  if (!REPOSITORY.test(repository)) {
    const expected = 'a repository of lowercase letters and digits, separated by ".", "_", "__", "-" or "/"';
    const advice = UPPER_CASE.test(written) ? 'Write it in lower case' : 'Correct the repository';
    throw unexpected(text, expected, written, advice);
  }
}

function unexpected(text: string, expected: string, found: string, advice: string): ImageReferenceError {
  const whole = found === text ? '' : ` in ${quoted(text)}`;
  return new ImageReferenceError(
    `Not an image reference: expected ${expected}, found ${quoted(found)}${whole}. ${advice}.`,
  );
}

function cut(text: string, separator: string): readonly [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

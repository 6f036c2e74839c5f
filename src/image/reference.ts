import { quoted } from '../text/index.ts';

/**
 * An image's name in canonical form: Docker's short names are written out (`nginx` is `library/nginx` on
 * `docker.io`), so two references name the same repository exactly if `host` and `repository` are equal.
 *
 * Letter case of hosts counts, as it does in distribution, containerd, the kubelet and Trivy. It cannot be
 * folded without changing meanings: in `ACME/shop` the capitals are what makes `ACME` a host, while
 * `acme/shop` is a repository on Docker Hub.
 */
export interface ImageReference {
  /** The registry, with its port if one is written: `docker.io`, `localhost:5000`, `[2001:db8::1]:5000`. */
  readonly host: string;
  /** The path on that registry: `library/nginx`. */
  readonly repository: string;
  readonly tag?: string | undefined;
  /** With its algorithm: `sha256:…`. */
  readonly digest?: string | undefined;
}

/** A text that is no image reference. The message says what was expected, what was found and what to do. */
export class ImageReferenceError extends Error {
  override readonly name = 'ImageReferenceError';
}

const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_LEGACY = 'index.docker.io';
const OFFICIAL_IMAGES = 'library/';

const REPOSITORY_MAX = 255;
/** A DNS name has at most 253 characters, a port 5; distribution itself sets no limit. */
const HOST_MAX = 259;

// Each expression tells by the next character where to go on, so none can backtrack far; lengths are checked first.
/** 64 hex digits, which in Docker are an image's ID. */
export const IDENTIFIER = /^[a-f0-9]{64}$/;
const DOMAIN_NAME = /^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*(?::[0-9]+)?$/i;
const IPV6_ADDRESS = /^\[[a-f0-9:]+\](?::[0-9]+)?$/i;
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
export const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
const UPPER_CASE = /[A-Z]/;

/**
 * Reads an image reference, as a pod or a scan names it, into canonical form.
 *
 * It takes what `ParseNormalizedNamed` of github.com/distribution/reference takes, with the digests of
 * go-digest (sha256, sha384, sha512), and gives the same parts. Two differences: a first component with an
 * underscore and a dot (`my_host.example/app`) is the host, as for the kubelet's keyring and for Trivy, where
 * distribution counts it to the path and reports no host at all; and a host has at most 259 characters.
 *
 * @throws {@link ImageReferenceError}, and nothing else, for every other text.
 */
export function parseImageReference(text: string): ImageReference {
  rejectWhatIsNoName(text);
  const [name, digest] = cut(text, '@');
  const [host, remainder] = splitHost(name);
  const [path, tag] = cut(remainder, ':');
  const repository = host === DOCKER_HUB && !path.includes('/') ? `${OFFICIAL_IMAGES}${path}` : path;

  checkHost(host, text);
  // Where distribution finds no host, that counts as a part of the repository.
  const counted = isAddress(host) ? repository : `${host}/${repository}`;
  checkLength(counted, path, text);
  checkRepository(repository, path, text);
  if (tag !== undefined && !TAG.test(tag)) {
    throw unexpected(text, 'a tag of up to 128 letters, digits, "_", "." and "-"', tag, 'Correct the tag');
  }
  if (digest !== undefined && !DIGEST.test(digest)) {
    const expected = 'a digest: sha256:, sha384: or sha512: and 64, 96 or 128 lower-case hex digits';
    throw unexpected(text, expected, digest, 'Copy the digest anew from the registry');
  }
  return { host, repository, tag, digest };
}

/** The canonical text of a reference; {@link parseImageReference} reads it back into an equal one. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryName(reference)}${tag}${digest}`;
}

/**
 * The short form that people read and write: without `docker.io/` and `library/` where they may be left out.
 * {@link parseImageReference} reads it back into an equal reference: where the short text would name something else
 * (`docker.io/localhost/app`), it is the canonical one. `FamiliarString` of github.com/distribution/reference
 * shortens those too.
 */
export function formatFamiliar(reference: ImageReference): string {
  const canonical = formatReference(reference);
  if (reference.host !== DOCKER_HUB) {
    return canonical;
  }
  const path = canonical.slice(DOCKER_HUB.length + 1);
  const short = isOfficial(reference.repository) ? path.slice(OFFICIAL_IMAGES.length) : path;
  return readsAs(short, canonical) ? short : canonical;
}

function isOfficial(repository: string): boolean {
  return repository.startsWith(OFFICIAL_IMAGES) && !repository.includes('/', OFFICIAL_IMAGES.length);
}

function readsAs(text: string, canonical: string): boolean {
  try {
    return formatReference(parseImageReference(text)) === canonical;
  } catch (error) {
    if (error instanceof ImageReferenceError) return false;
    throw error;
  }
}

/** Host and repository without a version, as the kubelet's keyring is asked: `docker.io/library/nginx`. */
export function repositoryName(reference: ImageReference): string {
  return `${reference.host}/${reference.repository}`;
}

function rejectWhatIsNoName(text: string): void {
  if (text === '') {
    throw unexpected(text, 'an image such as registry.example.com/team/app:1.0', text, 'Name an image');
  }
  if (IDENTIFIER.test(text)) {
    const advice = 'Name the repository, or put one before the digest: name@sha256:…';
    throw unexpected(text, "an image's name", text, `64 hex digits alone are an image's ID. ${advice}`);
  }
  if (text.includes('://')) {
    throw unexpected(text, 'a name without a scheme', text, 'Leave out what stands before the host');
  }
}

function splitHost(name: string): readonly [host: string, remainder: string] {
  const [first, remainder] = cut(name, '/');
  if (remainder === undefined || !isHost(first)) {
    return [DOCKER_HUB, name];
  }
  return [first === DOCKER_HUB_LEGACY ? DOCKER_HUB : first, remainder];
}

/** Docker's rule for `first/…`: what looks like a host is one, and all else is a repository on Docker Hub. */
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
    throw unexpected(text, expected, written, 'No registry serves a longer name; correct it');
  }
}

function checkRepository(repository: string, written: string, text: string): void {
  if (!REPOSITORY.test(repository)) {
    const expected = 'a repository of lower-case letters and digits, joined by ".", "_", "__", "-" and "/"';
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

import { type ImageReference, ImageReferenceError, parseImageReference } from '../image/index.ts';

/** The image in the parameters of a Trivy image scan, and its position. */
export type ImageParameter =
  | { readonly result: 'Image'; readonly index: number; readonly image: ImageReference }
  /** Trivy scans no image from a registry, for example because of `--input`. */
  | { readonly result: 'None' }
  | { readonly result: 'Invalid'; readonly message: string };

/**
 * Flags of `trivy image` v0.74.0 without a value. After any other flag without `=`, the next parameter is its value. A
 * test compares this list with the real Trivy.
 */
export const TRIVY_BOOLEAN_FLAGS: ReadonlySet<string> = new Set([
  '--debug',
  '--dependency-tree',
  '--disable-telemetry',
  '--download-db-only',
  '--download-java-db-only',
  '--generate-default-config',
  '--help',
  '--ignore-unfixed',
  '--include-deprecated-checks',
  '--include-non-failures',
  '--insecure',
  '--license-full',
  '--list-all-pkgs',
  '--no-progress',
  '--offline-scan',
  '--password-stdin',
  '--quiet',
  '--redis-tls',
  '--removed-pkgs',
  '--show-suppressed',
  '--skip-check-update',
  '--skip-db-update',
  '--skip-java-db-update',
  '--skip-version-check',
  '--skip-vex-repo-update',
  '--tf-exclude-downloaded-modules',
  '--trace-http',
  '--trace-rego',
  '--version',
  '-d',
  '-h',
  '-q',
  '-v',
]);

const BOOLEAN_LETTERS: ReadonlySet<string | undefined> = new Set(
  [...TRIVY_BOOLEAN_FLAGS].filter((flag) => flag.length === 2).map((flag) => flag.slice(1)),
);

const CREDENTIAL_FLAG = /^--(?:username|password|registry-token)(?:=|$)/;

/**
 * Finds the image that `trivy image` would scan with these parameters: the only positional argument.
 *
 * @see https://trivy.dev/docs/latest/references/configuration/cli/trivy_image/
 */
export function imageParameter(parameters: readonly string[]): ImageParameter {
  const positional = positionals(parameters);
  const [first] = positional;
  if (first === undefined) return { result: 'None' };
  if (positional.length > 1) {
    return {
      result: 'Invalid',
      message: `expected one image in the parameters, found ${positional.length} arguments that are not flags; keep only the image`,
    };
  }
  try {
    return { result: 'Image', index: first.index, image: parseImageReference(first.text) };
  } catch (error) {
    if (error instanceof ImageReferenceError) return { result: 'Invalid', message: error.message };
    throw error;
  }
}

/** Whether the parameters contain a credential for Trivy. */
export function hasCredentialParameters(parameters: readonly string[]): boolean {
  return parameters.some((parameter) => CREDENTIAL_FLAG.test(parameter));
}

function positionals(parameters: readonly string[]): readonly { index: number; text: string }[] {
  const found: { index: number; text: string }[] = [];
  let flagsEnded = false;
  for (let index = 0; index < parameters.length; index += 1) {
    const text = parameters[index] ?? '';
    if (flagsEnded || !isFlag(text)) found.push({ index, text });
    else if (text === '--') flagsEnded = true;
    else if (takesNext(text)) index += 1;
  }
  return found;
}

function isFlag(text: string): boolean {
  return text.startsWith('-') && text !== '-';
}

/** The next parameter is the value of `--severity HIGH` and `-s HIGH`, but not of `--severity=HIGH` and `-sHIGH`. */
function takesNext(flag: string): boolean {
  if (TRIVY_BOOLEAN_FLAGS.has(flag) || flag.includes('=')) return false;
  if (flag.startsWith('--')) return true;
  let index = 1;
  while (BOOLEAN_LETTERS.has(flag[index])) index += 1;
  return index === flag.length - 1;
}

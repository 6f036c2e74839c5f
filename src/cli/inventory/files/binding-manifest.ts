import { type IImageCredentialBinding, ImageCredentialBinding, ValidationError } from '../../../api/index.ts';
import { type RawBinding, readBinding, type ValidBinding } from '../../../binding/index.ts';
import { quoted, withoutPassword } from '../../../text/index.ts';
import { BINDING_RULES } from './binding-rules.ts';
import type { Manifest } from './manifest.ts';
import { metadataProblems } from './metadata.ts';

const { apiVersion: API_VERSION, kind: KIND } = ImageCredentialBinding;

/** A binding in a file, or why the API server would refuse it. */
export type BindingRead =
  | { readonly result: 'Binding'; readonly binding: ValidBinding }
  | { readonly result: 'Refused'; readonly message: string };

/**
 * Reads a binding that a strict `kubectl apply` (`--validate=strict`, the default) would accept. The API server ignores
 * the status in a file, so a status that cannot be read is ignored, too.
 */
export function readBindingManifest(manifest: Manifest): BindingRead {
  const basic = [...typeProblems(manifest), ...(manifest.problem ?? [])];
  if (basic.length > 0) return refused(manifest, basic);
  const metadata = metadataProblems(manifest.metadata);
  const { problems, hasStatus } = schemaProblems(manifest.object);
  if (problems.length > 0) return refused(manifest, [...metadata, ...problems]);
  const { status, ...rest } = manifest.object;
  // The schema has accepted these fields.
  const raw = (hasStatus ? { ...rest, status } : rest) as unknown as RawBinding;
  const binding = readBinding(raw);
  if (binding.validity === 'Invalid') return refused(manifest, [...metadata, binding.message]);
  const broken = BINDING_RULES.filter(({ isBroken }) => isBroken(raw.spec, binding)).map(
    ({ field, message }) => `${field} is invalid: ${message}`,
  );
  const all = [...metadata, ...broken];
  return all.length > 0 ? refused(manifest, all) : { result: 'Binding', binding };
}

function typeProblems({ apiVersion, kind }: Manifest): readonly string[] {
  const found = (text: string) => (text === '' ? 'none' : quoted(text));
  return [
    ...(apiVersion === API_VERSION ? [] : [`expected apiVersion ${API_VERSION}, found ${found(apiVersion)}`]),
    ...(kind === KIND ? [] : [`expected kind ${KIND}, found ${found(kind)}`]),
  ];
}

function schemaProblems(object: Manifest['object']): {
  readonly problems: readonly string[];
  /** Whether the status has the expected fields and types. */
  readonly hasStatus: boolean;
} {
  try {
    new ImageCredentialBinding(object as unknown as IImageCredentialBinding).validate();
    return { problems: [], hasStatus: true };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    const lines = error.message.split('\n');
    const faults = lines.map((text, index) => ({ text, fault: error.errors[index] }));
    const isAboutStatus = ({ fault }: (typeof faults)[number]) =>
      fault?.instancePath?.startsWith('/status') === true;
    const counting = faults.filter(
      (one) => !isAboutStatus(one) || one.fault?.keyword === 'additionalProperties',
    );
    return {
      problems: counting.map(({ text }) => withoutPassword(text)),
      hasStatus: !faults.some(isAboutStatus),
    };
  }
}

function refused({ metadata: { name } }: Manifest, problems: readonly string[]): BindingRead {
  const which = name === '' ? `an ${KIND} without a name` : `the ${KIND} ${quoted(name)}`;
  return {
    result: 'Refused',
    message: `the API server would refuse ${which}: ${problems.join('; ')}; correct it`,
  };
}

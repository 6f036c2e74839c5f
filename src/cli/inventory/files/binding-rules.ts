import type {
  ImageCredentialBindingSpec,
  LabelSelector,
  LabelSelectorRequirement,
} from '../../../api/index.ts';
import type { ValidBinding } from '../../../binding/index.ts';
import { repositoryName } from '../../../image/index.ts';

/** A rule of the CRD that its JSON schema cannot express. `message` is that of the CRD. */
interface Rule {
  readonly field: string;
  readonly message: string;
  readonly isBroken: (spec: ImageCredentialBindingSpec, binding: ValidBinding) => boolean;
}

const LABEL_KEY =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LONGEST_LABEL_KEY = 317;

/**
 * The CEL rules of the CRD that its JSON schema cannot express. The rule about the length of an image is not among them,
 * because the parser of images enforces it. A test compares this list with the CRD.
 */
export const BINDING_RULES: readonly Rule[] = [
  {
    field: 'spec.replaces',
    message: 'expected replaces without the repository of spec.image; remove that repository from replaces',
    isBroken: (_, { image, replaces }) =>
      replaces.some((previous) => repositoryName(previous) === repositoryName(image)),
  },
  {
    field: 'spec.replaces',
    message:
      'expected spec.image without a tag or digest, because spec.replaces is set; remove the tag and digest from ' +
      'spec.image, or remove spec.replaces',
    isBroken: (_, { image, replaces }) =>
      replaces.length > 0 && (image.tag !== undefined || image.digest !== undefined),
  },
  {
    field: 'spec.replaces',
    message: 'expected each repository once, found a duplicate; remove it',
    isBroken: ({ replaces = [] }) => hasDuplicates(replaces),
  },
  {
    field: 'spec.imagePullSecrets',
    message: 'expected each Secret once, found a duplicate; remove it',
    isBroken: ({ imagePullSecrets }) => hasDuplicates(imagePullSecrets.map(({ name }) => name)),
  },
  {
    field: 'spec.scanSelector.matchLabels',
    message:
      "expected label keys: an optional DNS name and '/', then at most 63 letters, digits, '-', '_' and '.', starting " +
      'and ending with a letter or a digit',
    isBroken: ({ scanSelector }) =>
      Object.keys(scanSelector?.matchLabels ?? {}).some(
        (key) => key.length > LONGEST_LABEL_KEY || !LABEL_KEY.test(key),
      ),
  },
  {
    field: 'spec.scanSelector.matchExpressions',
    message: 'expected at least one value for the operators In and NotIn, found none; add a value',
    isBroken: ({ scanSelector }) =>
      expressions(scanSelector, 'In', 'NotIn').some(({ values = [] }) => values.length === 0),
  },
  {
    field: 'spec.scanSelector.matchExpressions',
    message: 'expected no values for the operators Exists and DoesNotExist; remove values',
    isBroken: ({ scanSelector }) =>
      expressions(scanSelector, 'Exists', 'DoesNotExist').some(({ values = [] }) => values.length > 0),
  },
];

function hasDuplicates(names: readonly string[]): boolean {
  return new Set(names).size < names.length;
}

function expressions(
  selector: LabelSelector | undefined,
  ...operators: readonly LabelSelectorRequirement['operator'][]
): readonly LabelSelectorRequirement[] {
  return (selector?.matchExpressions ?? []).filter(({ operator }) => operators.includes(operator));
}

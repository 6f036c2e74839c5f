import type { ValidBinding } from '../../binding/index.ts';
import { fit, formatReference, type ImageReference, repositoryName } from '../../image/index.ts';
import { isSimilar, quoted } from '../../text/index.ts';
import type { Inventory } from '../inventory/index.ts';

/**
 * Sentences about why no binding matches an image, and what to do.
 *
 * @param text - the image as on the command line
 */
export function hintsFor(text: string, image: ImageReference, { bindings }: Inventory): readonly string[] {
  return bindings.flatMap((binding) => {
    if (binding.validity === 'Invalid') {
      return `the binding ${quoted(binding.name)} cannot be used: ${binding.message}; correct its spec.image`;
    }
    return hintOf(binding, text, image) ?? [];
  });
}

/** A sentence about a binding that matches the image, but only observes. */
export function observeHint(binding: ValidBinding | undefined): readonly string[] {
  if (binding?.mode !== 'Observe') return [];
  const name = quoted(binding.name);
  return [`the binding ${name} matches, but its mode is Observe; set its spec.mode to Enforce to bind scans`];
}

/** A sentence about the webhook, which the delivery `Temporary` needs, if only files are known. */
export function admissionHint(
  binding: ValidBinding | undefined,
  { assumesAdmission }: Inventory,
): readonly string[] {
  if (binding?.delivery !== 'Temporary' || !assumesAdmission) return [];
  return [
    `the delivery Temporary of the binding ${quoted(binding.name)} needs the admission webhook of the controller, and files do not ` +
      'say whether it is on; without it, the binding is stalled with the reason AdmissionOff',
  ];
}

/** A sentence about a text that looks like the host of a registry, but by Docker's rules is an image on Docker Hub. */
export function hostHint(text: string, image: ImageReference): readonly string[] {
  const name = repositoryName(image);
  if (text.includes('/') || !/^docker\.io\/library\/.+\./.test(name)) return [];
  return [
    `${quoted(text)} is read as ${name}, an image on Docker Hub; if you mean a registry, add the repository`,
  ];
}

function hintOf(binding: ValidBinding, text: string, image: ImageReference): string | undefined {
  const name = quoted(binding.name);
  const itsImage = formatReference(binding.image);
  if (binding.name === text) {
    return `${quoted(text)} is read as an image, but it is the name of a binding; explain its image, ${itsImage}`;
  }
  if (binding.replaces.some((previous) => fit(previous, image) !== undefined)) {
    return `the binding ${name} has this image in spec.replaces, but migrates no scans; to see why, explain its image, ${itsImage}`;
  }
  const repository = repositoryName(binding.image);
  if (repository === repositoryName(image)) {
    return `the binding ${name} matches only ${itsImage}; explain that image, or set its spec.image to ${repository}`;
  }
  if (isSimilar(repository, repositoryName(image))) {
    return `no binding matches ${repositoryName(image)}; did you mean ${itsImage}, the image of the binding ${name}?`;
  }
  return undefined;
}

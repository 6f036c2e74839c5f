import type { ValidBinding } from '../../binding/index.ts';
import { fit, formatReference, type ImageReference, repositoryName } from '../../image/index.ts';
import type { ScheduledScan } from '../../scan/index.ts';
import { quoted } from '../../text/index.ts';
import type { Inventory } from './inventory.ts';
import { isSimilar } from './similar.ts';

/** Sentences about why no binding serves an image, and what to do; `text` is the image as it was asked for. */
export function hintsFor(text: string, image: ImageReference, { bindings }: Inventory): readonly string[] {
  return bindings.flatMap((binding) => {
    if (binding.validity === 'Invalid') {
      return `the binding ${quoted(binding.name)} cannot be used: ${binding.message}; correct its spec.image`;
    }
    return hintOf(binding, text, image) ?? [];
  });
}

/** A sentence about what was typed as a registry's host, and is by Docker's rules an image of Docker Hub. */
export function hostHint(text: string, image: ImageReference): readonly string[] {
  const name = repositoryName(image);
  if (text.includes('/') || !/^docker\.io\/library\/.+\./.test(name)) return [];
  return [
    `${quoted(text)} is taken for ${name}, an image of Docker Hub: a registry wants a repository behind it`,
  ];
}

/**
 * Sentences about an image of which there is no scan, though a binding serves it.
 *
 * @param unserved - ScheduledScans that no binding serves: one of these may have been meant
 * @param allScans - whether it is known that the namespace has no scan of the image
 */
export function scanHintsFor(
  image: ImageReference,
  unserved: readonly ScheduledScan[],
  allScans: boolean,
): readonly string[] {
  const repository = repositoryName(image);
  const similar = new Map(
    unserved.flatMap(({ name, image: its }) =>
      its !== undefined && isSimilar(repositoryName(its), repository) ? [[repositoryName(its), name]] : [],
    ),
  );
  if (similar.size === 0 && !allScans) return [];
  const where = allScans ? 'of this namespace' : 'here';
  const none = `no ScheduledScan ${where} has the image ${repository}, and a binding serves only its own namespace`;
  const meant = [...similar].map(
    ([its, scan]) => `did you mean ${its}, of the ScheduledScan ${quoted(scan)}?`,
  );
  return [[none, ...meant].join('; ')];
}

function hintOf(binding: ValidBinding, text: string, image: ImageReference): string | undefined {
  const name = quoted(binding.name);
  const itsImage = formatReference(binding.image);
  if (binding.mode === 'Observe' && fits(binding, image)) {
    return `the binding ${name} fits and only observes; set its spec.mode to Enforce to have scans served`;
  }
  if (binding.name === text) {
    return `${quoted(text)} is taken for an image, and is the name of a binding; ask for its image, ${itsImage}`;
  }
  const repository = repositoryName(binding.image);
  if (repository === repositoryName(image)) {
    return `the binding ${name} is for ${itsImage} alone; ask for that, or make its spec.image the repository`;
  }
  if (isSimilar(repository, repositoryName(image))) {
    return `no binding serves ${repositoryName(image)}; did you mean ${itsImage}, of the binding ${name}?`;
  }
  return undefined;
}

function fits({ image, replaces }: ValidBinding, named: ImageReference): boolean {
  return [image, ...replaces].some((pattern) => fit(pattern, named) !== undefined);
}

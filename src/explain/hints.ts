import type { ValidBinding } from '../binding/index.ts';
import { fit, formatReference, type ImageReference, quoted, repositoryName } from '../image/index.ts';
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
  if (!/^docker\.io\/library\/[^/]+\.[^/]+$/.test(name)) return [];
  return [
    `${quoted(text)} is taken for ${name}, an image of Docker Hub: a registry wants a repository behind it`,
  ];
}

/** Sentences about why a binding that serves an image has no scan of it; none where it is not known which scans there are. */
export function scanHintsFor(image: ImageReference, { named, scheduledScans }: Inventory): readonly string[] {
  const repository = repositoryName(image);
  const similar = scheduledScans.flatMap((scan) =>
    scan.image !== undefined && isSimilar(repositoryName(scan.image), repository)
      ? `did you mean ${repositoryName(scan.image)}, of the ScheduledScan ${quoted(scan.name)}?`
      : [],
  );
  // Files hold what somebody thought of; a namespace of a cluster, all.
  if (similar.length === 0 && named === 'All') return [];
  const none = `no ScheduledScan of this namespace has the image ${repository}, and a binding serves only its own namespace`;
  return [[none, ...similar].join('; ')];
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

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

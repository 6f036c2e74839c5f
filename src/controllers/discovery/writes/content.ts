import type { BindingContent } from '../decision.ts';
import type { DiscoveredBinding } from '../observed.ts';

/** The values that a binding has in the fields that discovery writes. */
export function contentOf(binding: DiscoveredBinding): BindingContent {
  return normalized(binding);
}

export function hasContent(binding: DiscoveredBinding, content: BindingContent): boolean {
  return JSON.stringify(normalized(binding)) === JSON.stringify(normalized(content));
}

function normalized({ imagePullSecrets, replaces, users, unusedSince }: BindingContent): BindingContent {
  return { imagePullSecrets, replaces, users, unusedSince };
}

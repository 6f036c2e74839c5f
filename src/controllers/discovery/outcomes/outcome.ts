import type { BindingContent } from '../decision.ts';
import type { DiscoveredBinding } from '../observed.ts';

/** Whether a repository has a discovered binding after the decision, and which. */
export type BindingOutcome =
  | {
      readonly outcome: 'Keep';
      readonly repository: string;
      /** undefined: it is to be created. */
      readonly binding: DiscoveredBinding | undefined;
      readonly content: BindingContent;
    }
  | { readonly outcome: 'Delete'; readonly binding: DiscoveredBinding; readonly why: string };

export { type Replacement, ReplacementGraph } from './graph.ts';
export { replacementsOf } from './replacements.ts';

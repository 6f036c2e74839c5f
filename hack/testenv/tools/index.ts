export { preferInstalled } from './installed.ts';
export { bundleCache, variableOf } from './location.ts';
export { isToolName, type ToolName, toolNames } from './recipe.ts';
export { tools } from './tools.ts';

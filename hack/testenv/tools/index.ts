export { preferInstalled } from './installed.ts';
export { bundleCache, cacheDirectory, variableOf } from './location.ts';
export { isToolName, nodeToolNames, type ToolName, toolNames } from './recipe.ts';
export { present, tools } from './tools.ts';

/** A real node for the control plane. */
export { type ClusterNode, startNode } from './node.ts';
export { nodeProblem } from './requirements.ts';

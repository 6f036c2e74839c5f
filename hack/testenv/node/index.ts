/** A real node for the control plane. */
export { buildTestImage, programImage, type TestImage, trivyImage } from './images.ts';
export { ClusterNode, startNode } from './node.ts';
export { nodeProblem } from './requirements.ts';

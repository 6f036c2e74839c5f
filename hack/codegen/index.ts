export type { CustomResourceDefinition } from './crd.ts';
export { manifestSchema } from './schema.ts';

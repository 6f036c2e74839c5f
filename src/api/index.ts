/** The API of the kind ImageCredentialBinding: code that is generated from its CRD, and the names that belong to it. */
export { ADVICE, CONDITION_TYPES, type ConditionReason, type ConditionType } from './conditions.ts';
export { EVENT_REASONS, type EventReason } from './events.ts';
export { ImageCredentialBinding } from './generated/image-credential-binding/model.ts';
export {
  imageCredentialBindingDefaults,
  imageCredentialBindingEnums,
  imageCredentialBindings,
} from './generated/image-credential-binding/resource.ts';
export { imageCredentialBindingSchema } from './generated/image-credential-binding/schema.ts';
export type {
  CandidateResult,
  CandidateStatus,
  ChosenCredential,
  Condition,
  ConditionStatus,
  Delivery,
  EffectiveDelivery,
  IImageCredentialBinding,
  ImageCredentialBindingSpec,
  ImageCredentialBindingStatus,
  ImagePullSecret,
  LabelSelector,
  LabelSelectorOperator,
  LabelSelectorRequirement,
  Mode,
  ObjectMeta,
  OwnerReference,
  ParameterChange,
  Platform,
  RevertedWrite,
  ScanSummary,
  ScansSummary,
  SourceSecretReference,
  TemporarySecret,
  TemporarySecretsSummary,
  Transition,
  TransitionFrom,
  TransitionTo,
  TrivySecretReference,
  UnboundScan,
  UnboundScansSummary,
  Verification,
} from './generated/image-credential-binding/types.ts';
export {
  BINDING_ANNOTATION,
  GROUP,
  HELD_ANNOTATION,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  RUN_ANNOTATION,
  TEMPORARY_LABEL,
  UNUSED_SINCE_ANNOTATION,
  WORKLOADS_ANNOTATION,
} from './names.ts';
export { conditionOf, type Readiness, readinessOf } from './ready.ts';
export { ValidationError } from './validation.ts';

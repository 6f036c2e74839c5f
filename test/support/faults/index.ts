export { chance, chanceBelow } from './chance.ts';
export { adminConfig, startFaultProxy } from './control-plane.ts';
export type { Fault } from './fault.ts';
export type { Rule } from './plan.ts';
export { FaultProxy } from './proxy.ts';
export {
  isFreshList,
  isList,
  isNextPage,
  isWatch,
  isWrite,
  type Matches,
  type ProxiedRequest,
} from './request.ts';

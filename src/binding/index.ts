export {
  type Binding,
  MOST_USERS,
  type RawBinding,
  readBinding,
  unreadableBinding,
  type ValidBinding,
} from './binding.ts';

export {
  isInitialEventsEnd,
  KubeClient,
  type Page,
  type RequestRecord,
  type Selection,
  type WatchEvent,
} from './client.ts';
export { Transport } from './transport.ts';

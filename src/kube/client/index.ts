export { isInitialEventsEnd, KubeClient, type Page, type Selection, type WatchEvent } from './client.ts';
export type { RequestRecord } from './sender.ts';
export { Transport } from './transport.ts';

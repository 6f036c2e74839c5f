export { unregisterWebhookCommand } from './command.ts';

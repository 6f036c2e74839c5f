export { registerWebhookCommand } from './command.ts';

/**
 * Measures the event loop from SIGUSR2 on. Every 250 ms it writes the longest block in milliseconds to the file named by
 * ICB_EVENT_LOOP_FILE. While the loop is blocked the file is not written, so its age has to be read too.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const EACH_MS = 250;
const RESOLUTION_MS = 10;
const file = process.env['ICB_EVENT_LOOP_FILE'] ?? '';
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

function write(): void {
  writeFileSync(file, `${Math.max(0, delay.max / 1e6 - RESOLUTION_MS).toFixed(1)}\n`);
}

write();
setInterval(write, EACH_MS).unref();
process.on('SIGUSR2', () => delay.enable());

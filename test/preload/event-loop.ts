/**
 * Writes to the file of ICB_EVENT_LOOP_FILE, each 250 ms, for how many milliseconds the event loop has been blocked at
 * most since the last SIGUSR2. While it is blocked the file stays as it is: its age counts too.
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

delay.enable();
write();
setInterval(write, EACH_MS).unref();
process.on('SIGUSR2', () => {
  delay.reset();
  write();
});

/** From SIGUSR2 on, timers of `setTimeout` no longer fire. Everything else works as before. */
let frozen = false;
const real = globalThis.setTimeout;

globalThis.setTimeout = new Proxy(real, {
  apply: (target, _, [callback, milliseconds, ...args]: Parameters<typeof real>) =>
    target(() => {
      if (!frozen) callback(...args);
    }, milliseconds),
});
process.on('SIGUSR2', () => {
  frozen = true;
});

/** Shifts the clock of a process by CLOCK_SHIFT_MS; its monotonic clock stays as it is. */
const shift = Number(process.env['CLOCK_SHIFT_MS']);
const real = Date;
const now = () => real.now() + shift;

globalThis.Date = new Proxy(real, {
  construct: (target, args: readonly unknown[]) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
  apply: () => new real(now()).toString(),
  get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key) as unknown)),
});

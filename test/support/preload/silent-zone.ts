/**
 * Replaces the resolver, because getaddrinfo reads the configuration of the machine. `localhost` is resolved normally.
 * A name of the zone `silent.example` keeps a thread of libuv's pool busy until the resolver gives up, as getaddrinfo
 * does when no name server answers. No other name exists, so that no request leaves the machine.
 *
 * The thread is really blocked, because it opens the FIFO named by ICB_SILENT_FIFO. The test opens the other end to
 * make the resolver give up (`SilentZone`). Look-ups wait for each other as in libuv, which runs them in half of its
 * threads only (`slow_work_thread_threshold` in https://github.com/libuv/libuv/blob/v1.x/src/threadpool.c).
 */
import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { close, open } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isIP } from 'node:net';

type Callback = (error: NodeJS.ErrnoException | null, ...found: readonly unknown[]) => void;
type LookUp = (done: Callback) => void;

const fifo = process.env['ICB_SILENT_FIFO'] ?? '';
const waiting: (() => void)[] = [];
let underWay = 0;

/** The part of libuv's threads that may run DNS look-ups. */
function threads(): number {
  return Math.ceil(Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) / 2);
}

function inTurn(lookUp: LookUp, callback: Callback): void {
  const begin = () => {
    underWay += 1;
    lookUp((...answer) => {
      underWay -= 1;
      waiting.shift()?.();
      callback(...answer);
    });
  };
  if (underWay < threads()) begin();
  else waiting.push(begin);
}

function standIn(hostname: string, done: Callback): void {
  if (!hostname.endsWith('.silent.example')) process.nextTick(done, failure(hostname, 'ENOTFOUND'));
  else
    open(fifo, 'r', (_, descriptor) => {
      close(descriptor);
      done(failure(hostname, 'EAI_AGAIN'));
    });
}

function failure(hostname: string, code: string): NodeJS.ErrnoException {
  const message = `getaddrinfo ${code} ${hostname}`;
  return Object.assign(new Error(message), { code, syscall: 'getaddrinfo', hostname });
}

dns.lookup = new Proxy(dns.lookup, {
  // The callback is the last argument, whether there are options or not.
  apply(real, self, [hostname, ...rest]: [string, ...unknown[], Callback]) {
    const options = rest.slice(0, -1);
    const isReal = hostname === 'localhost' || isIP(hostname) !== 0;
    const lookUp: LookUp = (done) =>
      isReal ? Reflect.apply(real, self, [hostname, ...options, done]) : standIn(hostname, done);
    inTurn(lookUp, rest.at(-1) as Callback);
  },
});
dns.promises.lookup = new Proxy(dns.promises.lookup, {
  apply: (_real, _self, [hostname, options = {}]: [string, LookupOptions?]) => {
    const { promise, resolve, reject } = Promise.withResolvers<LookupAddress | LookupAddress[]>();
    dns.lookup(hostname, options, (error, address, family) => {
      if (error !== null) reject(error);
      else resolve(Array.isArray(address) ? address : { address, family: family ?? 0 });
    });
    return promise;
  },
});
syncBuiltinESMExports();

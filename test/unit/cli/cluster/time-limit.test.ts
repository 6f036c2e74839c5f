import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it, type TestContext } from 'node:test';
import { builtProgram } from '../../../../hack/testenv/program.ts';

const program = await builtProgram();
const COMMANDS = [['explain', 'reg.example/app'], ['audit'], ['unbind', '-A'], ['unbind', '-A', '--dry-run']];

describe('the time limit of a command', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'time-limit-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Runs a command with a kubeconfig that names this server. `seconds` is how long the command ran. */
  async function run(server: string, ...args: readonly string[]) {
    const config = {
      clusters: [{ name: 'c', cluster: { server } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    const KUBECONFIG = join(folder, 'config');
    writeFileSync(KUBECONFIG, JSON.stringify(config));
    const begun = performance.now();
    const child = spawn(process.execPath, [program, ...args], {
      env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit');
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = await exited;
    return { code, stdout, stderr, seconds: (performance.now() - begun) / 1_000 };
  }

  /** Returns the address of a server, which stops after the test. */
  async function listening(context: TestContext, server: Server): Promise<string> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket));
    context.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    // A TCP server that listens has an AddressInfo.
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A TCP server that accepts connections and never answers. */
  const silent = () => createServer((socket) => socket.on('error', () => undefined).resume());

  for (const protocol of ['http', 'https'])
    it(`ends a request to a silent server over ${protocol}, and the error names the limit`, async (context) => {
      const url = `${protocol}://${await listening(context, silent())}`;
      for (const [index, args] of COMMANDS.entries()) {
        const limit = 1 + (index % 2);
        const { code, stdout, stderr, seconds } = await run(url, ...args, '--request-timeout', `${limit}s`);
        assert.match(
          stderr,
          new RegExp(
            `^error: expected an answer from the API server at ${url}, found none within ${limit} s \\(--request-timeout\\): .*; ` +
              'check that the server is running and reachable, .*, or raise --request-timeout\n$',
          ),
        );
        assert.deepEqual([code, stdout], [2, '']);
        assert.ok(seconds >= limit, `${seconds} s`);
        // All tries together have one limit: without it, each of 5 tries would take as long.
        const bare = await run(url, 'audit', '--cluster', 'none');
        assert.ok(
          seconds - bare.seconds < 3 * limit + 2,
          `${seconds} s, ${bare.seconds} s without a request`,
        );
      }
    });

  it('counts until the end of an answer', async (context) => {
    const server = createHttpServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"metadata":');
    });
    const url = `http://${await listening(context, server)}`;
    const { code, stderr } = await run(url, 'audit', '--request-timeout', '1');
    assert.equal(code, 2);
    assert.match(stderr, /found none within 1 s \(--request-timeout\): list \S+: no answer in time; check/);
  });

  it('does not delay the error if the server refuses the connection', async (context) => {
    const server = silent();
    const address = await listening(context, server);
    server.close();
    await once(server, 'close');
    for (const args of COMMANDS) {
      const refused = await run(`https://${address}`, ...args);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /found none: .*ECONNREFUSED.*; nothing listens on that port; start the/);
      // The same without a request, because a busy computer starts processes slowly.
      const bare = await run(`https://${address}`, ...args, '--cluster', 'none');
      assert.match(bare.stderr, /^error: expected a cluster of the kubeconfig, found --cluster "none"/);
      assert.ok(refused.seconds - bare.seconds < 2, `${refused.seconds} s, and ${bare.seconds} s`);
    }
  });
});

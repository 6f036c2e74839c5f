import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { builtProgram } from '../../../hack/testenv/program.ts';
import { listenProblem, PROBE_SERVER } from '../../../src/cli/controller/listen.ts';

const program = await builtProgram();

describe('the address of probes and metrics', () => {
  /** Runs the controller, and returns its last log line. It exits before it contacts a cluster. */
  async function start(serve: string): Promise<string> {
    const child = spawn(process.execPath, [program, 'controller', '--serve', serve], {
      env: { KUBECONFIG: 'test/support/fixtures/kubeconfig.json' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const lines = (await text(child.stdout)).trim().split('\n');
    assert.deepEqual(await exited, [1, null]);
    const { level, msg } = JSON.parse(lines.at(-1) ?? '');
    assert.equal(level, 60);
    return msg;
  }

  it('is named if another process listens there', async () => {
    await using server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    // A TCP server that listens has an AddressInfo.
    const { port } = server.address() as AddressInfo;
    assert.equal(
      await start(`127.0.0.1:${port}`),
      `probes and metrics cannot be served at 127.0.0.1:${port}: expected a free port, found that another process listens on ` +
        `port ${port} (EADDRINUSE); stop that process (a second controller?), or choose another address with --serve (ICB_SERVE)`,
    );
  });

  it('is named if it does not belong to this computer, or has a name without an address', async () => {
    // Addresses for documentation (RFC 5737), and a name that never exists (RFC 6761).
    assert.match(
      await start('192.0.2.1:8080'),
      /served at 192\.0\.2\.1:8080: expected an address of this computer, found 192\.0\.2\.1, which is none \(EADDRNOTAVAIL\); use :PORT/,
    );
    assert.match(
      await start('host.invalid:8080'),
      /served at host\.invalid:8080: expected .*found (no address for host\.invalid \(ENOTFOUND\)|: .*EAI_AGAIN)/,
    );
  });

  /** As root, tests may open any port. */
  const refused = (code: string, syscall: string) =>
    Object.assign(new Error(`${syscall} ${code}`), { code, syscall });

  it('is named if this user may not open the port, or for any other reason', () => {
    const denied = refused('EACCES', 'listen');
    assert.match(
      listenProblem(denied, { host: undefined, port: 80 }, PROBE_SERVER) ?? '',
      /served at :80: expected a port that this user may open, found .* refuses port 80 \(EACCES\); choose a port from 1024, or choose/,
    );
    assert.match(
      listenProblem(denied, { host: '::1', port: 8080 }, PROBE_SERVER) ?? '',
      /at \[::1\]:8080: .* \(EACCES\); choose another address/,
    );
    assert.match(
      listenProblem(refused('EAFNOSUPPORT', 'listen'), { host: '::1', port: 1 }, PROBE_SERVER) ?? '',
      /found: listen EAFNOSUPPORT \(EAFNOSUPPORT\); choose another address with --serve \(ICB_SERVE\)$/,
    );
    for (const other of [refused('ECONNREFUSED', 'connect'), new Error('listen'), 'listen'])
      assert.equal(listenProblem(other, { host: undefined, port: 80 }, PROBE_SERVER), undefined);
  });
});

import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Child, ProcessGroup, SpawnOptions } from '../processes/index.ts';
import { untilReady } from '../processes/index.ts';
import { cgroupOf } from './cgroups.ts';

/** Time that the keeper may need to kill the processes and to remove the cgroups, in milliseconds. */
const KEEPER_GRACE_MS = 30_000;

/** The namespaces (PID, mount, network) and the cgroup of a node. */
export class Namespaces {
  /** Folder of the node's files. */
  readonly directory: string;
  /** Name of the node's cgroup in each hierarchy. */
  readonly cgroup: string;
  /** ID of a process in the mount and the network namespace. */
  readonly pid: string;
  readonly #group: ProcessGroup;
  readonly #keeper: Child;

  private constructor(group: ProcessGroup, directory: string, keeper: Child, pid: string) {
    this.#group = group;
    this.directory = directory;
    this.#keeper = keeper;
    this.cgroup = cgroupOf(keeper.pid);
    this.pid = pid;
  }

  /** Creates them. They are removed when the group stops. */
  static async create(group: ProcessGroup): Promise<Namespaces> {
    const directory = join(group.directory, 'node');
    await mkdir(directory, { recursive: true });
    const file = join(directory, 'namespaces');
    const program = join(import.meta.dirname, 'keeper.ts');
    const keeper = await group.spawn('node-keeper', process.execPath, [program, directory], {
      graceMilliseconds: KEEPER_GRACE_MS,
    });
    await untilReady(keeper, () => Promise.resolve(existsSync(file)));
    return new Namespaces(group, directory, keeper, await readFile(file, 'utf8'));
  }

  /** Starts a program in the namespaces. */
  async spawn(
    name: string,
    program: string,
    args: readonly string[],
    options: SpawnOptions = {},
  ): Promise<Child> {
    const folder = `/proc/${this.pid}/ns`;
    const flags = [`--mount=${folder}/mnt`, `--net=${folder}/net`, `--pid=${folder}/pid_for_children`];
    return this.#group.spawn(name, 'nsenter', [...flags, '--', program, ...args], options);
  }

  /**
   * Makes servers of this machine reachable from the node's network.
   *
   * @param routes - `[address, port, target]`: address and port in the node's network, and the port on 127.0.0.1
   */
  async relay(routes: readonly (readonly [address: string, port: number, target: number])[]): Promise<void> {
    const program = join(import.meta.dirname, 'relay.ts');
    const texts = routes.map(([address, port, target]) => `${address}:${port}=${target}`);
    const child = await this.#group.spawn('node-relay', process.execPath, [program, this.pid, ...texts], {
      graceMilliseconds: 0,
    });
    await untilReady(child, async () => (await readFile(child.logFile, 'utf8')).includes('ready\n'));
  }

  /** Runs the proxy of `egress.ts` on this Unix socket. */
  async connectPods(socket: string): Promise<void> {
    const program = join(import.meta.dirname, 'egress.ts');
    const args = [`--net=/proc/${this.pid}/ns/net`, '--', process.execPath, program, socket];
    const child = await this.#group.spawn('node-egress', 'nsenter', args, { graceMilliseconds: 0 });
    await untilReady(child, async () => (await readFile(child.logFile, 'utf8')).includes('ready\n'));
  }

  /** Kills all processes in the namespaces, and removes the cgroups. */
  async remove(): Promise<void> {
    await this.#keeper.stop();
  }
}

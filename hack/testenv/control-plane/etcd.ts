import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessGroup } from '../processes/index.ts';
import { untilReady } from '../processes/index.ts';
import { type Server, SHORT_LIVED, startServer } from './server.ts';

/**
 * Starts etcd on a Unix socket in the group's directory, so that no other process can take its port, and no other user can
 * reach etcd.
 */
export async function startEtcd(group: ProcessGroup, program: string): Promise<Server> {
  const socket = join(group.directory, 'etcd.sock');
  const client = `unix://${socket}`;
  const peer = `unix://${join(group.directory, 'etcd-peer.sock')}`;
  const args = [
    '--name=etcd',
    `--data-dir=${etcdData(group.directory)}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=etcd=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
  return startServer(client, async () => {
    // The socket of a killed etcd would look like a server that is ready.
    await rm(socket, { force: true });
    const child = await group.spawn('etcd', program, args, SHORT_LIVED);
    await untilReady(child, () => Promise.resolve(existsSync(socket)));
    return child;
  });
}

/** Folder of etcd's data, in the directory of its group. */
export function etcdData(directory: string): string {
  return join(directory, 'etcd');
}

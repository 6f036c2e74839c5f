import { existsSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, untilReady } from '../processes/index.ts';
import type { Namespaces } from './namespaces.ts';
import { PAUSE_IMAGE, POD_SUBNET } from './settings.ts';

/** Paths of the programs that containerd runs, and of its own. */
export interface ContainerdPrograms {
  readonly containerd: string;
  readonly 'containerd-shim-runc-v2': string;
  readonly runc: string;
  readonly 'without-seccomp': string;
  readonly bridge: string;
  readonly loopback: string;
  readonly 'host-local': string;
}

/** Path of containerd's socket in the folder of a node. */
export function containerdSocket(directory: string): string {
  return join(directory, 'containerd.sock');
}

/** Starts containerd. Resolves when its socket exists. */
export async function startContainerd(namespaces: Namespaces, programs: ContainerdPrograms): Promise<Child> {
  const { directory } = namespaces;
  const bin = join(directory, 'bin');
  await Promise.all(['bin', 'network', 'registries'].map((name) => mkdir(join(directory, name))));
  const { 'without-seccomp': wrapper, runc, containerd: program, ...linked } = programs;
  for (const [name, file] of Object.entries(linked)) await symlink(file, join(bin, name));
  await writeFile(join(bin, 'runc'), `#!/bin/sh\nexec '${wrapper}' '${runc}' "$@"\n`);
  await chmod(join(bin, 'runc'), 0o755);
  await writeFile(join(directory, 'network', 'pods.conflist'), JSON.stringify(network(directory)));
  const file = join(directory, 'containerd.toml');
  await writeFile(file, configuration(directory));
  const env = { PATH: `${bin}:${process.env['PATH']}` };
  const child = await namespaces.spawn('containerd', program, ['--config', file], {
    env,
    graceMilliseconds: 0,
  });
  await untilReady(child, () => Promise.resolve(existsSync(containerdSocket(directory))));
  return child;
}

/** Makes containerd use plain HTTP for a registry. It reads this for each pull. */
export async function allowPlainHttp(directory: string, host: string): Promise<void> {
  const folder = join(directory, 'registries', host);
  await mkdir(folder, { recursive: true });
  const url = `http://${host}`;
  await writeFile(
    join(folder, 'hosts.toml'),
    `server = "${url}"\n[host."${url}"]\ncapabilities = ["pull", "resolve"]\n`,
  );
}

/** https://github.com/containerd/containerd/blob/v2.4.2/docs/cri/config.md */
function configuration(directory: string): string {
  const path = (name: string) => JSON.stringify(join(directory, name));
  return `version = 3
root = ${path('containerd')}
state = "/run/containerd"

[grpc]
address = ${JSON.stringify(containerdSocket(directory))}

[plugins.'io.containerd.internal.v1.opt']
path = ${path('opt')}

[plugins.'io.containerd.nri.v1.nri']
disable = true

[plugins.'io.containerd.cri.v1.runtime']
# Without the capability CAP_SYS_RESOURCE, no process can lower the value.
restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = [${path('bin')}]
conf_dir = ${path('network')}

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = ${path('bin/runc')}
SystemdCgroup = false

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '${PAUSE_IMAGE}'

[plugins.'io.containerd.cri.v1.images'.registry]
config_path = ${path('registries')}
`;
}

/** The bridge is the gateway of the pods. They reach only the node, so no address translation is needed. */
function network(directory: string): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: POD_SUBNET }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: join(directory, 'addresses'),
        },
      },
    ],
  };
}

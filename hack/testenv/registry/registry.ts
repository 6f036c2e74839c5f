/** A real registry (distribution) on this machine, on loopback, over plain HTTP or TLS, for tests and the demo. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tar } from '../../image/index.ts';
import { type Child, describe, onFreePort, ProcessGroup } from '../processes/index.ts';
import { tools } from '../tools/index.ts';
import { type RegistryUser, writeHtpasswd } from './htpasswd.ts';
import { hasPasswordFile, type ServerOptions, startServer } from './server.ts';

export type { RegistryUser } from './htpasswd.ts';

/** What to start. */
export interface RegistryOptions extends ServerOptions {
  /** The group of its process and data. By default, a new group. */
  readonly group?: ProcessGroup;
  /** Takes lines about progress. */
  readonly log?: (line: string) => void;
}

/** A running registry. */
export class Registry implements AsyncDisposable {
  /** Host with port, as in an image reference. */
  readonly host: string;
  readonly #group: ProcessGroup;
  readonly #directory: string;
  readonly #programs: { readonly crane: string; readonly htpasswd: string };
  readonly #release: () => Promise<void>;
  readonly #start: () => Promise<Child>;
  readonly #ca: string | undefined;
  readonly #hasPasswordFile: boolean;
  #child: Child;
  #user: RegistryUser | undefined;

  /** For `startRegistry`. */
  constructor(
    started: {
      readonly host: string;
      readonly group: ProcessGroup;
      readonly directory: string;
      readonly child: Child;
      /** Starts the process again at the same address. */
      readonly start: () => Promise<Child>;
      readonly release: () => Promise<void>;
    },
    programs: { readonly crane: string; readonly htpasswd: string },
    options: RegistryOptions,
  ) {
    this.host = started.host;
    this.#group = started.group;
    this.#directory = started.directory;
    this.#child = started.child;
    this.#start = started.start;
    this.#release = started.release;
    this.#programs = programs;
    this.#user = options.user;
    this.#hasPasswordFile = hasPasswordFile(options);
    this.#ca = options.certificate?.ca;
  }

  /**
   * Changes the password of the registry's user. From the next request on, the registry refuses the old password.
   *
   * @throws Error when the registry was started without a user, or with a token server
   */
  async setPassword(password: string): Promise<void> {
    if (this.#user === undefined || !this.#hasPasswordFile)
      throw new Error(
        'expected a registry that was started with a user, found one without; start it with the option user',
      );
    const user = { ...this.#user, password };
    await writeHtpasswd(this.#group, this.#programs.htpasswd, this.#directory, user);
    this.#user = user;
  }

  /**
   * Pushes an image that has one layer with these files.
   *
   * @param name - repository with tag, without the host: `team/app:1.0`
   * @param files - contents by path
   * @returns the digest of its manifest, `sha256:…`
   */
  async pushImage(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const layer = tar(Object.entries(files).map(([path, content]) => ({ path, content })));
    return this.#push(name, layer, (file, image) => ['append', '--new_layer', file, '--new_tag', image]);
  }

  /**
   * Pushes an image.
   *
   * @param name - repository with tag, without the host: `team/app:1.0`
   * @param archive - as `imageArchive` makes it
   * @returns the digest of its manifest in the registry, `sha256:…`
   */
  async pushArchive(name: string, archive: Uint8Array): Promise<string> {
    return this.#push(name, archive, (file, image) => ['push', file, image]);
  }

  /** Runs crane with a file, logged in to the registry. */
  async #push(
    name: string,
    content: Uint8Array,
    args: (file: string, image: string) => readonly string[],
  ): Promise<string> {
    const work = join(this.#directory, `push-${randomUUID()}`);
    await mkdir(work);
    try {
      const file = join(work, 'content.tar');
      await writeFile(file, content);
      await writeFile(join(work, 'config.json'), dockerConfig(this.host, this.#user), { mode: 0o600 });
      const trust = this.#ca === undefined ? {} : { SSL_CERT_FILE: join(work, 'ca.pem') };
      await writeFile(join(work, 'ca.pem'), this.#ca ?? '');
      const { stdout, stderr, ...exit } = await this.#group.run(
        this.#programs.crane,
        args(file, `${this.host}/${name}`),
        { env: { DOCKER_CONFIG: work, ...trust } },
      );
      const digest = /@(sha256:[0-9a-f]{64})\s*$/.exec(stdout)?.[1];
      if (exit.code !== 0 || digest === undefined) {
        throw new Error(`the push of ${name} ended with ${describe(exit)}: ${stderr.trim()}`);
      }
      return digest;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Stops the process. `resume` starts it again at the same address with the same images. */
  async pause(): Promise<void> {
    await this.#child.stop();
  }

  /** @throws StartError when another process has taken its port */
  async resume(): Promise<void> {
    this.#child = await this.#start();
  }

  /** Stops the registry, and its group unless the caller provided the group. */
  async stop(): Promise<void> {
    await this.#child.stop();
    await this.#release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Starts a registry. Programs that are missing are built first, which takes a minute or two.
 *
 * @returns when it answers
 * @throws Error when a program is not available or does not start
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const programs = await tools(['registry', 'htpasswd', 'crane'], options.log ?? (() => undefined));
  const group = options.group ?? (await ProcessGroup.start());
  const release = async () => {
    if (options.group === undefined) await group.stop();
  };
  try {
    const directory = join(group.directory, `registry-${randomUUID()}`);
    await mkdir(directory);
    if (options.user !== undefined && hasPasswordFile(options)) {
      await writeHtpasswd(group, programs.htpasswd, directory, options.user);
    }
    return await onFreePort(async (port) => {
      const start = () => startServer(group, programs.registry, directory, { ...options, port });
      const started = { host: `127.0.0.1:${port}`, group, directory, child: await start(), start, release };
      return new Registry(started, programs, options);
    });
  } catch (error) {
    await release();
    throw error;
  }
}

function dockerConfig(host: string, user: RegistryUser | undefined): string {
  if (user === undefined) return '{}';
  const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
  return JSON.stringify({ auths: { [host]: { auth } } });
}

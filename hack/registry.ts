/** A real registry (distribution) on this machine, over plain HTTP on loopback, for tests and the demo. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { type Child, describe, onFreePort, ProcessGroup, untilReady } from './processes.ts';
import { tools } from './tools.ts';

/** Who may pull and push. */
export interface RegistryUser {
  readonly username: string;
  readonly password: string;
}

/** What to start. */
export interface RegistryOptions {
  /** The one user of the registry; left out, everybody may pull and push. */
  readonly user?: RegistryUser;
  /** Where its process and data go; a group of its own unless told. */
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
  readonly #stop: () => Promise<void>;
  #user: RegistryUser | undefined;

  /** For `startRegistry`. */
  constructor(
    started: {
      readonly host: string;
      readonly group: ProcessGroup;
      readonly directory: string;
      readonly stop: () => Promise<void>;
    },
    programs: { readonly crane: string; readonly htpasswd: string },
    user: RegistryUser | undefined,
  ) {
    this.host = started.host;
    this.#group = started.group;
    this.#directory = started.directory;
    this.#stop = started.stop;
    this.#programs = programs;
    this.#user = user;
  }

  /**
   * Gives the registry's user another password. It counts from the next request on; the old one is refused.
   *
   * @throws Error when the registry was started without a user
   */
  async setPassword(password: string): Promise<void> {
    if (this.#user === undefined)
      throw new Error('a registry that was started without a user has no password');
    const user = { ...this.#user, password };
    await writeHtpasswd(this.#group, this.#programs.htpasswd, this.#directory, user);
    this.#user = user;
  }

  /**
   * Pushes an image of one layer with these files.
   *
   * @param name - repository with tag, without the host: `team/app:1.0`
   * @param files - contents by path
   * @returns the digest of its manifest, `sha256:…`
   */
  async pushImage(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const work = join(this.#directory, `push-${randomUUID()}`);
    await mkdir(work);
    try {
      const layer = join(work, 'layer.tar');
      await writeFile(layer, tar(files));
      await writeFile(join(work, 'config.json'), dockerConfig(this.host, this.#user), { mode: 0o600 });
      const args = ['append', '--new_layer', layer, '--new_tag', `${this.host}/${name}`];
      const { stdout, stderr, ...exit } = await this.#group.run(this.#programs.crane, args, {
        env: { DOCKER_CONFIG: work },
      });
      const digest = /@(sha256:[0-9a-f]{64})\s*$/.exec(stdout)?.[1];
      if (exit.code !== 0 || digest === undefined) {
        throw new Error(`the push of ${name} ended with ${describe(exit)}: ${stderr.trim()}`);
      }
      return digest;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Ends the registry, and its group unless that was given. */
  async stop(): Promise<void> {
    await this.#stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Starts a registry. The programs it needs are built when they are missing, which takes a minute or two.
 *
 * @returns when it answers
 * @throws Error when a program cannot be had or does not start
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
    if (options.user !== undefined) await writeHtpasswd(group, programs.htpasswd, directory, options.user);
    const { host, child } = await onFreePort((port) =>
      serve(group, programs.registry, directory, { port, withUser: options.user !== undefined }),
    );
    const stop = async () => {
      await child.stop();
      await release();
    };
    return new Registry({ host, group, directory, stop }, programs, options.user);
  } catch (error) {
    await release();
    throw error;
  }
}

async function serve(
  group: ProcessGroup,
  program: string,
  directory: string,
  { port, withUser }: { readonly port: number; readonly withUser: boolean },
): Promise<{ readonly host: string; readonly child: Child }> {
  const host = `127.0.0.1:${port}`;
  const mark = randomUUID();
  const file = join(directory, 'config.json');
  await writeFile(file, JSON.stringify(configuration(directory, host, withUser, mark)));
  const child = await group.spawn('registry', program, ['serve', file], {
    // Its traces would be sent to a collector on this machine.
    env: { OTEL_TRACES_EXPORTER: 'none' },
    graceMilliseconds: 0,
  });
  // Another server on that port would not know the mark.
  await untilReady(child, async () => (await headerOf(`http://${host}/v2/`, markHeader)) === mark);
  return { host, child };
}

const markHeader = 'x-test-registry';

/** What the registry reads as YAML, of which JSON is a part. */
function configuration(directory: string, addr: string, withUser: boolean, mark: string): object {
  return {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: { addr, headers: { [markHeader]: [mark] } },
    ...(withUser ? { auth: { htpasswd: { realm: 'test', path: htpasswdFile(directory) } } } : {}),
  };
}

function htpasswdFile(directory: string): string {
  return join(directory, 'htpasswd');
}

/** The registry reads the file anew when its time of change differs; renamed into place, it is never half there. */
async function writeHtpasswd(
  group: ProcessGroup,
  program: string,
  directory: string,
  { username, password }: RegistryUser,
): Promise<void> {
  const { stdout, stderr, ...exit } = await group.run(program, [username], { input: password });
  if (exit.code !== 0) throw new Error(`htpasswd ended with ${describe(exit)}: ${stderr.trim()}`);
  const fresh = `${htpasswdFile(directory)}.new`;
  await writeFile(fresh, stdout, { mode: 0o600 });
  await rename(fresh, htpasswdFile(directory));
}

function headerOf(url: string, name: string): Promise<string | string[] | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | string[] | undefined>();
  const asked = get(url, { agent: false, timeout: 5_000 }, (response) => {
    response.resume();
    resolve(response.headers[name]);
  });
  asked.on('timeout', () => asked.destroy(new Error(`${url} did not answer`)));
  asked.on('error', reject);
  return promise;
}

function dockerConfig(host: string, user: RegistryUser | undefined): string {
  if (user === undefined) return '{}';
  const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
  return JSON.stringify({ auths: { [host]: { auth } } });
}

const blockSize = 512;

/**
 * A tar archive (POSIX ustar) of regular files, the same bytes for the same files.
 *
 * @param files - contents by path, of at most 100 bytes each
 */
export function tar(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).flatMap(([path, text]) => {
    const content = Buffer.from(text);
    return [tarHeader(path, content.length), content, Buffer.alloc(-content.length & (blockSize - 1))];
  });
  return Buffer.concat([...entries, Buffer.alloc(2 * blockSize)]);
}

function tarHeader(path: string, size: number): Buffer {
  if (Buffer.byteLength(path) > 100)
    throw new Error(`a path in an image has at most 100 bytes here: ${path}`);
  const header = Buffer.alloc(blockSize);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  header.write(path, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108); // owner
  header.write(octal(0, 7), 116); // group
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136); // time of change
  header.write(' '.repeat(8), 148); // the checksum counts itself as blanks
  header.write('0', 156); // a regular file
  header.write('ustar\0' + '00', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

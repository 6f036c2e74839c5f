/** A real registry (distribution) on this machine, on loopback, over plain HTTP or TLS, for tests and the demo. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { join } from 'node:path';
import type { Certificate } from './certificate.ts';
import { type Child, describe, onFreePort, ProcessGroup, untilReady } from './processes.ts';
import type { TokenAuthority } from './token-server.ts';
import { tools } from './tools.ts';

/** Who may pull and push. */
export interface RegistryUser {
  readonly username: string;
  readonly password: string;
}

/** What to start. */
export interface RegistryOptions {
  /** Who may pull and push, and as whom `pushImage` does; left out, everybody may. */
  readonly user?: RegistryUser;
  /** Who says what the user may do; left out, the registry itself, by an htpasswd file. */
  readonly tokens?: TokenAuthority;
  /** Left out: plain HTTP. For 127.0.0.1. */
  readonly certificate?: Certificate;
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
      /** Starts it again where it was. */
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
   * Gives the registry's user another password. It counts from the next request on; the old one is refused.
   *
   * @throws Error when the registry was started without a user, or another says who may what
   */
  async setPassword(password: string): Promise<void> {
    if (this.#user === undefined || !this.#hasPasswordFile)
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
      const trust = this.#ca === undefined ? {} : { SSL_CERT_FILE: join(work, 'ca.pem') };
      await writeFile(join(work, 'ca.pem'), this.#ca ?? '');
      const { stdout, stderr, ...exit } = await this.#group.run(this.#programs.crane, args, {
        env: { DOCKER_CONFIG: work, ...trust },
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

  /** Ends the process alone; `resume` starts it again at the same place with the same images. */
  async pause(): Promise<void> {
    await this.#child.stop();
  }

  /** @throws StartError when its port has been taken meanwhile */
  async resume(): Promise<void> {
    this.#child = await this.#start();
  }

  /** Ends the registry, and its group unless that was given. */
  async stop(): Promise<void> {
    await this.#child.stop();
    await this.#release();
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
    if (options.user !== undefined && hasPasswordFile(options)) {
      await writeHtpasswd(group, programs.htpasswd, directory, options.user);
    }
    return await onFreePort(async (port) => {
      const start = () => serve(group, programs.registry, directory, { ...options, port });
      const started = { host: `127.0.0.1:${port}`, group, directory, child: await start(), start, release };
      return new Registry(started, programs, options);
    });
  } catch (error) {
    await release();
    throw error;
  }
}

function hasPasswordFile({ user, tokens }: RegistryOptions): boolean {
  return user !== undefined && tokens === undefined;
}

async function serve(
  group: ProcessGroup,
  program: string,
  directory: string,
  options: RegistryOptions & { readonly port: number },
): Promise<Child> {
  const host = `127.0.0.1:${options.port}`;
  const mark = randomUUID();
  const file = join(directory, 'config.json');
  const { certificate, tokens } = options;
  await writeFile(file, JSON.stringify(configuration(directory, host, options, mark)));
  if (certificate !== undefined) {
    await writeFile(join(directory, 'certificate.pem'), certificate.certificate);
    await writeFile(join(directory, 'key.pem'), certificate.key, { mode: 0o600 });
  }
  if (tokens !== undefined) await writeFile(join(directory, 'jwks.json'), JSON.stringify(tokens.jwks));
  const child = await group.spawn('registry', program, ['serve', file], {
    // Its traces would be sent to a collector on this machine.
    env: { OTEL_TRACES_EXPORTER: 'none' },
    graceMilliseconds: 0,
  });
  const scheme = certificate === undefined ? 'http' : 'https';
  // Another server on that port would not know the mark.
  await untilReady(
    child,
    async () => (await headerOf(`${scheme}://${host}/v2/`, markHeader, certificate?.ca)) === mark,
  );
  return child;
}

const markHeader = 'x-test-registry';

/** What the registry reads as YAML, of which JSON is a part. */
function configuration(directory: string, addr: string, options: RegistryOptions, mark: string): object {
  const tls = { certificate: join(directory, 'certificate.pem'), key: join(directory, 'key.pem') };
  return {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: {
      addr,
      headers: { [markHeader]: [mark] },
      ...(options.certificate === undefined ? {} : { tls }),
    },
    ...authentication(directory, options),
  };
}

function authentication(directory: string, { user, tokens }: RegistryOptions): object {
  if (tokens !== undefined) return { auth: { token: { ...tokens, jwks: join(directory, 'jwks.json') } } };
  return user === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: htpasswdFile(directory) } } };
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

function headerOf(url: string, name: string, ca: string | undefined): Promise<string | string[] | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | string[] | undefined>();
  const options = { agent: false, timeout: 5_000 } as const;
  const read = (response: IncomingMessage) => {
    response.resume();
    resolve(response.headers[name]);
  };
  const asked = ca === undefined ? getPlain(url, options, read) : getSecure(url, { ...options, ca }, read);
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

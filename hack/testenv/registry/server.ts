/** The process of a registry: its configuration and its start. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { join } from 'node:path';
import type { Certificate } from '../certificate.ts';
import type { Child, ProcessGroup } from '../processes/index.ts';
import { untilReady } from '../processes/index.ts';
import { htpasswdFile, type RegistryUser } from './htpasswd.ts';
import type { TokenAuthority } from './token-server.ts';

const MARK_HEADER = 'x-test-registry';

/** The options of the registry's server. */
export interface ServerOptions {
  /** The user who may pull and push, also for `pushImage`. Without a user, anonymous clients may pull and push. */
  readonly user?: RegistryUser;
  /** The token server that decides what the user may do. Without it, the registry decides, by an htpasswd file. */
  readonly tokens?: TokenAuthority;
  /** A certificate for 127.0.0.1. Without it, the registry serves plain HTTP. */
  readonly certificate?: Certificate;
}

/** Whether the registry itself decides who may pull, by an htpasswd file. */
export function hasPasswordFile({ user, tokens }: ServerOptions): boolean {
  return user !== undefined && tokens === undefined;
}

/** Starts distribution's registry. Resolves when it answers. */
export async function startServer(
  group: ProcessGroup,
  program: string,
  directory: string,
  options: ServerOptions & { readonly port: number },
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
    // By default, the registry sends traces to a collector on this machine.
    env: { OTEL_TRACES_EXPORTER: 'none' },
    graceMilliseconds: 0,
  });
  const scheme = certificate === undefined ? 'http' : 'https';
  // Another server on that port does not send this mark.
  await untilReady(
    child,
    async () => (await headerOf(`${scheme}://${host}/v2/`, MARK_HEADER, certificate?.ca)) === mark,
  );
  return child;
}

/** The registry's configuration. The registry reads YAML, of which JSON is a subset. */
function configuration(directory: string, addr: string, options: ServerOptions, mark: string): object {
  const tls = { certificate: join(directory, 'certificate.pem'), key: join(directory, 'key.pem') };
  return {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: {
      addr,
      headers: { [MARK_HEADER]: [mark] },
      ...(options.certificate === undefined ? {} : { tls }),
    },
    ...authentication(directory, options),
  };
}

function authentication(directory: string, { user, tokens }: ServerOptions): object {
  if (tokens !== undefined) return { auth: { token: { ...tokens, jwks: join(directory, 'jwks.json') } } };
  return user === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: htpasswdFile(directory) } } };
}

function headerOf(url: string, name: string, ca: string | undefined): Promise<string | string[] | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | string[] | undefined>();
  const options = { agent: false, timeout: 5_000 } as const;
  const read = (response: IncomingMessage) => {
    response.resume();
    resolve(response.headers[name]);
  };
  const sent = ca === undefined ? getPlain(url, options, read) : getSecure(url, { ...options, ca }, read);
  sent.on('timeout', () => sent.destroy(new Error(`${url} did not answer`)));
  sent.on('error', reject);
  return promise;
}

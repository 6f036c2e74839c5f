import type { ManagerSettings } from '../../manager/index.ts';

type Address = ManagerSettings['serve'];

/** By code of Node: what was expected and found, and what to do besides choosing another address. */
const PROBLEMS: Readonly<Record<string, (address: Address) => readonly [found: string, advice: string]>> = {
  EADDRINUSE: ({ port }) => [
    `expected a free port, found that another process listens on port ${port}`,
    'stop that process (a second controller?), or ',
  ],
  EACCES: ({ port }) => [
    `expected a port that this user may open, found that the operating system refuses port ${port}`,
    port < 1_024 ? 'choose a port from 1024, or ' : '',
  ],
  EADDRNOTAVAIL: ({ host = '' }) => [
    `expected an address of this computer, found ${host}, which is none`,
    'use :PORT to listen on all addresses, or ',
  ],
  ENOTFOUND: ({ host = '' }) => [
    `expected a name with an address, found no address for ${host}`,
    'correct the name, or ',
  ],
};

/** A server of the controller, and the flag with its address. */
interface ListeningServer {
  /** The beginning of the message. */
  readonly fails: string;
  readonly flag: string;
}

export const PROBE_SERVER: ListeningServer = {
  fails: 'probes and metrics cannot be served at',
  flag: '--serve (ICB_SERVE)',
};
export const ADMISSION_SERVER: ListeningServer = {
  fails: 'the admission webhook cannot be served at',
  flag: '--admission (ICB_ADMISSION)',
};

/** Why a server cannot listen on its address, and what to do; undefined: the error is about something else. */
export function listenProblem(
  error: unknown,
  address: Address,
  { fails, flag }: ListeningServer,
): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { syscall, code = '' } = error as NodeJS.ErrnoException;
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return undefined;
  const [found, advice] = PROBLEMS[code]?.(address) ?? [
    `expected to listen there, found: ${error.message}`,
    '',
  ];
  return `${fails} ${textOf(address)}: ${found} (${code}); ${advice}choose another address with ${flag}`;
}

/** As in the value of `--serve`. */
function textOf({ host = '', port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

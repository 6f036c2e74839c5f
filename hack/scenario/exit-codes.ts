/** The exit code of a process that stops because of a signal: 128 and the number of the signal, as in a shell. */
export const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Certificates for test servers. */
import { describe, type ProcessGroup } from './processes/index.ts';
import { tools } from './tools/index.ts';

/** A server's certificate with its key, and the authority that signed it, in PEM. */
export interface Certificate {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/**
 * Makes a server certificate, and a new authority that signs it.
 *
 * @param names - DNS names and IP addresses of the server
 * @throws Error when the program is not available or fails
 */
export async function makeCertificate(
  group: ProcessGroup,
  names: readonly string[],
  options: { readonly expired?: boolean; readonly log?: (line: string) => void } = {},
): Promise<Certificate> {
  const programs = await tools(['certificate'], options.log ?? (() => undefined));
  const flags = options.expired === true ? ['-expired'] : [];
  const { stdout, stderr, ...exit } = await group.run(programs.certificate, [...flags, ...names]);
  if (exit.code !== 0) throw new Error(`certificate ended with ${describe(exit)}: ${stderr.trim()}`);
  // The program prints exactly these three fields.
  return JSON.parse(stdout) as Certificate;
}

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'headless_shell'];

/** A Chromium on the PATH; undefined: none is installed. */
export function findBrowser(): string | undefined {
  return NAMES.find((name) => spawnSync(name, ['--version']).status === 0);
}

/**
 * Opens a page in a headless Chromium, and returns the document as HTML after its scripts have run.
 *
 * @param fragment - the part of the address after `#`
 */
export function openPage(browser: string, page: string, fragment = ''): string {
  const folder = mkdtempSync(join(tmpdir(), 'page-'));
  try {
    const file = join(folder, 'page.html');
    writeFileSync(file, page);
    const flags = ['--headless', '--disable-gpu', `--user-data-dir=${join(folder, 'profile')}`, '--dump-dom'];
    // Chromium refuses to run as root with its sandbox.
    if (process.getuid?.() === 0) flags.push('--no-sandbox');
    return execFileSync(browser, [...flags, `file://${file}#${fragment}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 60_000,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

#!/usr/bin/env node
// Plain JavaScript, so that a Node that is too old for the program can parse this file and start the Node that npm installed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const MIN_NODE = 24;
const [major] = process.versions.node.split('.');

if (Number(major) >= MIN_NODE) await import(program());
else runWith(pinnedNode());

/** Returns the bundle in an installed package, because Node does not strip types below node_modules. */
function program() {
  const source = new URL('../src/main.ts', import.meta.url);
  if (!existsSync(source)) return new URL('../dist/main.mjs', import.meta.url).href;
  try {
    import.meta.resolve('commander');
    return source.href;
  } catch {
    return fail(
      'expected the packages of this checkout in node_modules, found none; run npm ci in the checkout',
    );
  }
}

/** Prints an error and exits with the code for incorrect usage. */
function fail(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}

/** Returns the path of the Node that npm installed as an optional dependency. Fails if there is none for this platform. */
function pinnedNode() {
  try {
    const name = `node-${process.platform}-${process.arch}/package.json`;
    return join(createRequire(import.meta.url).resolve(name), '../bin/node');
  } catch {
    return fail(
      `expected Node ${MIN_NODE} or later, found ${process.version} (${process.execPath}); ` +
        `run npm ci in the checkout, or put Node ${MIN_NODE} first in PATH`,
    );
  }
}

/** Runs this file with another Node, and exits with its exit code. */
function runWith(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  // A terminal sends SIGINT to the child, too. Ignore it here, and exit when the child exits.
  process.on('SIGINT', () => undefined);
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 1));
}

#!/usr/bin/env node
// Plain JavaScript: a Node that is too old for the program can read this, and find the one that npm has brought along.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const LEAST = 24;
const [major] = process.versions.node.split('.');

if (Number(major) >= LEAST) await import(program());
else runBy(pinnedNode());

/** In an installed package it is the bundle: Node takes no TypeScript there. */
function program() {
  const source = new URL('../src/main.ts', import.meta.url);
  if (!existsSync(source)) return new URL('../dist/main.mjs', import.meta.url).href;
  try {
    import.meta.resolve('commander');
    return source.href;
  } catch {
    return fail(
      'expected its packages in node_modules, found none; run npm ci in the folder of the checkout',
    );
  }
}

/** Wrong use: nothing has been done. */
function fail(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}

/** The optional dependency, where there is one for this platform. */
function pinnedNode() {
  try {
    const name = `node-${process.platform}-${process.arch}/package.json`;
    return join(createRequire(import.meta.url).resolve(name), '../bin/node');
  } catch {
    return fail(
      `expected Node ${LEAST} or later, found ${process.version} (${process.execPath}); ` +
        `run npm ci in the folder of a checkout, or put Node ${LEAST} first on the PATH`,
    );
  }
}

/** Runs this very file once more, by that Node, and ends as it does. */
function runBy(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  // A terminal sends it to both.
  process.on('SIGINT', () => undefined);
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 1));
}

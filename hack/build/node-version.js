// Plain JavaScript: a Node that is too old cannot read TypeScript. Runs after `npm ci`, with the Node that
// later runs everything: the one that the lockfile pins, or, where none is published, the machine's own.
const LEAST = 24;
const [major = '0'] = process.versions.node.split('.');
if (Number(major) < LEAST) {
  const found = `${process.version} on ${process.platform}-${process.arch}`;
  process.stderr.write(
    `expected Node ${LEAST} or later, found ${found}: install Node ${LEAST}, ` +
      'or, on Linux x64 and arm64, let npm install the optional dependencies, which bring it\n',
  );
  process.exitCode = 1;
}

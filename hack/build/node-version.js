// Plain JavaScript, because a Node that is too old cannot run TypeScript. npm runs this after `npm ci`, with the Node that
// later runs everything: the Node that the lockfile pins, or the machine's own on platforms without a pinned one.
const MIN_NODE = 24;
const [major = '0'] = process.versions.node.split('.');
if (Number(major) < MIN_NODE) {
  const found = `${process.version} on ${process.platform}-${process.arch}`;
  process.stderr.write(
    `expected Node ${MIN_NODE} or later, found ${found}; install Node ${MIN_NODE}, ` +
      'or, on Linux x64 and arm64, let npm install the optional dependencies, which include it\n',
  );
  process.exitCode = 1;
}

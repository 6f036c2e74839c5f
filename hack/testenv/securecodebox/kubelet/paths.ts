/** Maps the mounted paths of a container to folders on this machine. */
export class PathMap {
  readonly #folders: ReadonlyMap<string, string>;
  readonly #pattern: RegExp;

  /** @param mounts - pairs of a mount path in the container and its folder on this machine */
  constructor(mounts: readonly (readonly [mountPath: string, folder: string])[]) {
    this.#folders = new Map(mounts.map(([mountPath, folder]) => [trimmed(mountPath), folder]));
    const paths = [...this.#folders.keys()].toSorted((a, b) => b.length - a.length);
    // Do not match in the middle of a longer path or name: `reg.example/var/x` is not a path below `/var`.
    this.#pattern =
      paths.length === 0
        ? /(?!)/g
        : new RegExp(`(?<![\\w./-])(?:${paths.map(escaped).join('|')})(?![\\w.-])`, 'g');
  }

  /** Replaces mounted paths in the text of an argument or an environment entry with paths on this machine. */
  rewrite(text: string): string {
    return text.replace(this.#pattern, (mountPath) => this.#folders.get(mountPath) ?? mountPath);
  }
}

function trimmed(path: string): string {
  return path.replace(/(?<=.)\/+$/, '');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

import { Option } from 'commander';

/** The values of {@link filenameFlags}. */
export interface FilenameFlags {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
}

/**
 * The flags that select files.
 *
 * @param description - of `--filename`
 */
export function filenameFlags(description: string): readonly Option[] {
  return [
    new Option('-f, --filename <path>', description)
      .argParser((path: string, paths: readonly string[]) => [...paths, path])
      .default([], 'none'),
    new Option('-R, --recursive', 'also read the subfolders of the folders that --filename names'),
  ];
}

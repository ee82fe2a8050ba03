/** A file that `lovage init` writes. */
export interface ProjectFile {
  /** Relative to the project's folder. */
  readonly path: string
  readonly text: string
}

export interface ProjectOptions {
  /** A valid npm package name; also the app's. */
  readonly name: string
  readonly language: 'typescript' | 'javascript'
  /** Version of lovage that wrote it. */
  readonly version: string
}

/** `ts` or `js`. */
export function extensionOf(options: ProjectOptions): 'ts' | 'js' {
  return options.language === 'typescript' ? 'ts' : 'js'
}

/** The environment variables of this process, as they are now. */
export function nodeEnvironment(): Readonly<Record<string, string | undefined>> {
  return { ...process.env }
}

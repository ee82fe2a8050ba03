/** `task_acks_late` and `TASK_ACKS_LATE` → `taskAcksLate`; a name without underscores and not all upper-case stays as it is. */
export function camelCase(name: string): string {
  const lower = name === name.toUpperCase() ? name.toLowerCase() : name
  return lower.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** `taskAcksLate` → `task_acks_late`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

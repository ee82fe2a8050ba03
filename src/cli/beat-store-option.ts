/** Celery's `-s` names a file; here also a URL. */
export function beatStore(given: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `sqlite:///${given}`
}

import type { Settings } from './settings.js'

/** Celery's own, and so its name. */
const CLEANUP = 'celery.backend_cleanup'

/** Result stores in which what has expired stays until somebody throws it out; those of Redis, RPC and memory do so themselves. */
const KEEPS = /^(db\+|sqlite:|postgres(ql)?:)/i

/**
 * Entries that every schedule has, unless it has others of their names: where results expire, and their store does not see to it
 * by itself, it is cleaned up daily at 04:00. Source: celery/beat.py `install_default_entries`.
 */
export function defaultSchedule({
  resultBackend,
  resultExpires,
}: Pick<Settings, 'resultBackend' | 'resultExpires'>): Readonly<Record<string, unknown>> {
  if (resultBackend === undefined || !KEEPS.test(resultBackend) || !resultExpires) return {}
  return { [CLEANUP]: { task: CLEANUP, schedule: '0 4 * * *', options: { expires: CLEANUP_EXPIRES } } }
}

/** Seconds: half a day. */
const CLEANUP_EXPIRES = 43_200

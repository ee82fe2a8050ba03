import type { MailboxSettings } from '../control/mailbox-topology.js'
import type { Settings } from './settings.js'

/** Of remote control, as client and worker have them in common. */
export function mailboxSettings(settings: Settings): MailboxSettings {
  return {
    namespace: settings.controlExchange,
    ttl: settings.controlQueueTtl,
    expires: settings.controlQueueExpires,
    exclusive: settings.controlQueueExclusive,
    durable: settings.controlQueueDurable,
  }
}

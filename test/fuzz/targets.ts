import { readSeeds } from './seeds.js'
import type { Target } from './target.js'
import { authTarget } from './targets/auth.js'
import { chainTarget } from './targets/chain.js'
import { compressionTargets } from './targets/compression.js'
import { controlReplyTarget, controlRequestTarget } from './targets/control.js'
import { deadLetterTarget } from './targets/dead-letter.js'
import { eventsTarget } from './targets/events.js'
import { jsonTarget } from './targets/json.js'
import { pickleTarget } from './targets/pickle.js'
import { resultTarget } from './targets/result.js'
import { msgpackTarget, yamlTarget } from './targets/serializers.js'
import { globTarget, settingsTarget, urlTarget } from './targets/settings.js'
import { signatureTarget } from './targets/signature.js'
import { spoolTarget, storedHeadersTarget } from './targets/stored.js'
import { taskTarget } from './targets/task.js'
import { durationTarget, isoTarget, plainValueTarget } from './targets/times.js'

/** Every decoder of bytes and texts that strangers can send, or that lie in files. */
export function allTargets(): readonly Target[] {
  const seeds = readSeeds()
  return [
    taskTarget(seeds),
    eventsTarget(seeds),
    controlRequestTarget(seeds),
    controlReplyTarget(seeds),
    resultTarget(seeds),
    deadLetterTarget,
    signatureTarget,
    chainTarget,
    storedHeadersTarget,
    spoolTarget(),
    jsonTarget,
    msgpackTarget,
    yamlTarget,
    pickleTarget(),
    ...compressionTargets,
    authTarget(),
    isoTarget,
    plainValueTarget,
    durationTarget,
    settingsTarget,
    urlTarget(),
    globTarget,
  ]
}

/** The tests run in two processes, of about equal length: messages and what they hold, and everything else. */
export const MESSAGE_TARGETS: ReadonlySet<string> = new Set([
  'task',
  'events',
  'control-request',
  'control-reply',
  'result',
  'dead-letter',
  'signature',
  'chain',
  'stored-headers',
  'spool',
  'json',
])

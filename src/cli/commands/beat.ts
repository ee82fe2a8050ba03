import { resolve } from 'node:path'
import { type Beat, startBeat } from '../../beat.js'
import { beatStore } from '../beat-store-option.js'
import { type Command, defineCommand } from '../command.js'
import { detach } from '../detach.js'
import { EXIT } from '../exit-code.js'
import { duration, flag, text } from '../option.js'
import { takeStartedAs, tellStarter } from '../own-process.js'
import { ownRights } from '../own-rights.js'
import { takePidFile } from '../pid-file.js'
import { takeLateRights, takeUmask } from '../process-rights.js'
import { dropRights } from '../rights.js'

const PROCESS = 'Process and log'

export const beat: Command = defineCommand({
  name: 'beat',
  summary: 'Send the tasks of the schedule when they are due.',
  description:
    'Runs the schedule: the entries of the code (beatSchedule, addPeriodicTask) and those that were stored (lovage schedule). Start as many as you like, on as many hosts: one leads, the others are spares that take over when it dies or stops. They agree over the store that the setting beatStoreUrl names.',
  options: {
    schedule: text(
      '-s, --schedule <where>',
      'Where beats keep the schedule and agree: a SQLite file, or a URL of Redis or PostgreSQL. Default: the setting beatStoreUrl.',
      { env: ['CELERY_BEAT_SCHEDULE'], settingEnv: ['LOVAGE_BEAT_STORE_URL'] },
    ),
    django: text(
      '--django <url>',
      "Obey the tables of django-celery-beat, too: postgresql://… or sqlite:///file of the project's database.",
      { settingEnv: ['LOVAGE_BEAT_DJANGO_URL'] },
    ),
    maxInterval: duration('--max-interval <span>', 'Longest sleep. Default: the setting beatMaxLoopInterval.', {
      env: ['CELERY_BEAT_MAX_INTERVAL'],
      settingEnv: ['LOVAGE_BEAT_MAX_LOOP_INTERVAL'],
    }),
    health: text(
      '--health <address>',
      'Answer /livez, /readyz and /metrics over HTTP at this port of this machine, or at host:port.',
      { settingEnv: ['LOVAGE_BEAT_HEALTH'], section: PROCESS },
    ),
    logfile: text('-f, --logfile <file>', 'Log to this file instead of standard error.', {
      env: ['CELERY_BEAT_LOGFILE'],
      settingEnv: ['LOVAGE_BEAT_LOGFILE'],
      section: PROCESS,
    }),
    pidfile: text('--pidfile <file>', 'Write the process id here; refuse to start when a living process holds it.', {
      env: ['CELERY_BEAT_PIDFILE'],
      settingEnv: ['LOVAGE_BEAT_PIDFILE'],
      section: PROCESS,
    }),
    detach: flag(
      '-D, --detach',
      'Work in the background, without a terminal. Returns when the beat runs, or has failed.',
      {
        section: PROCESS,
      },
    ),
    uid: text('--uid <user>', 'Run as this user. Only root may ask.', {
      env: ['CELERY_BEAT_UID'],
      settingEnv: ['LOVAGE_BEAT_UID'],
      section: PROCESS,
    }),
    gid: text('--gid <group>', "Run as this group. Default: the user's own.", {
      env: ['CELERY_BEAT_GID'],
      settingEnv: ['LOVAGE_BEAT_GID'],
      section: PROCESS,
    }),
    umask: text('--umask <mask>', 'Octal: rights that new files do not get. Default with --detach: 027.', {
      env: ['CELERY_BEAT_UMASK'],
      settingEnv: ['LOVAGE_BEAT_UMASK'],
      section: PROCESS,
    }),
  },
  examples: [
    { line: 'lovage beat -A tasks.ts -l info', does: 'Send what is due, and log it.' },
    { line: 'lovage beat -A tasks.ts --health 9101', does: 'Tell probes how it is.' },
    {
      line: 'lovage beat -A tasks.ts --django postgresql://db.example/shop',
      does: 'Send what stands in the tables of django-celery-beat.',
    },
    { line: 'lovage beat -A tasks.ts -s redis://db.example/1', does: 'Agree with others over Redis.' },
  ],
  run: async (context, options, io) => {
    const isDetached = takeStartedAs() === 'detached'
    const starts = options.detach && !isDetached
    const rights = takeUmask({ umask: options.umask, uid: options.uid, gid: options.gid }, starts)
    if (starts) {
      return await detach({ logFile: resolve(io.cwd(), options.logfile ?? 'beat.log'), rights }, context.out, io)
    }
    dropRights(rights, ownRights())
    const store = options.schedule
    const flags = {
      ...(store === undefined ? {} : { beatStoreUrl: beatStore(store) }),
      ...(options.django === undefined ? {} : { beatDjangoUrl: options.django }),
      ...(options.health === undefined ? {} : { beatHealth: options.health }),
      ...(options.logfile === undefined ? {} : { beatLogfile: options.logfile }),
      ...(options.pidfile === undefined ? {} : { beatPidfile: options.pidfile }),
    }
    const loaded = await context.loadApp({ flags })
    const { app } = loaded
    const { beatLogfile, beatPidfile, beatUmask, beatUid, beatGid } = app.settings
    takeLateRights({ umask: beatUmask, uid: beatUid, gid: beatGid })
    if (beatLogfile !== undefined) loaded.logTo(resolve(io.cwd(), beatLogfile))
    using _pidFile =
      beatPidfile === undefined
        ? undefined
        : takePidFile(resolve(io.cwd(), beatPidfile), app.runtime.host.pid, pid => io.isProcessAlive(pid))
    await using running: Beat = await startBeat(app, { signal: io.signal, maxInterval: options.maxInterval })
    context.out.remark(`beat: ${running.status.term === undefined ? 'a spare' : 'leads'}.`)
    if (isDetached) tellStarter()
    await running.ended
    return EXIT.ok
  },
})

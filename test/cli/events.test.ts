import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { EventDump } from '../../src/cli/events/event-dump.js'
import { Monitor } from '../../src/cli/events/monitor.js'
import type { Reply } from '../../src/cli/events/monitor-view.js'
import type { ReceivedEvent } from '../../src/events/received-event.js'
import { HandClock } from '../../src/testing/hand-clock.js'
import { eventually } from '../support/services/rabbitmq.js'
import { lovage } from './fake-io.js'
import { FakeTerminal } from './fake-terminal.js'
import { Project } from './project.js'

const EPOCH = 1_795_171_575_250

function event(
  type: string,
  fields: Readonly<Record<string, unknown>>,
  changes: Partial<ReceivedEvent> = {},
): ReceivedEvent {
  const times = { timestamp: EPOCH, receivedAt: EPOCH + 1, seenAt: 0 }
  return { type, hostname: 'w@h', pid: 7, clock: 3, utcoffset: 0, ...times, fields, ...changes }
}

const RECEIVED = event('task-received', {
  ...{ uuid: 'u1', name: 'mail.send', args: "('a',)", kwargs: '{}', rootId: 'u1', parentId: undefined },
  ...{ retries: 0, eta: undefined, expires: undefined },
})
const FAILED = event('task-failed', { uuid: 'u1', exception: "ValueError('no')", traceback: 'Traceback:\n  here' })
const BEAT = {
  freq: 2000,
  active: 0,
  processed: 1,
  loadavg: [1, 0.5, 0],
  swIdent: 'lovage',
  swVer: '1',
  swSys: 'Linux',
}

describe('lovage events --dump', () => {
  test('prints what celery events --dump prints', () => {
    const dump = new EventDump()
    const tail = 'clock=3, '
    assert.equal(
      dump.line(RECEIVED),
      `w@h [2026-11-20 10:46:15.250000] task received: mail.send(u1) args=('a',) kwargs={} ${tail}eta=None, expires=None, ` +
        'local_received=1795171575.251, parent_id=None, pid=7, retries=0, root_id=u1, utcoffset=0',
    )
    assert.equal(
      dump.line(event('task-started', { uuid: 'u1' }, { timestamp: EPOCH - 250 })),
      `w@h [2026-11-20 10:46:15] task started: mail.send(u1) args=('a',) kwargs={} ${tail}local_received=1795171575.251, pid=7, utcoffset=0`,
    )
    assert.equal(
      dump.line(event('task-started', { uuid: 'u2' })),
      `w@h [2026-11-20 10:46:15.250000] task started:  ${tail}local_received=1795171575.251, pid=7, utcoffset=0`,
    )
    assert.equal(
      dump.line(event('worker-heartbeat', BEAT)),
      `w@h [2026-11-20 10:46:15.250000] heartbeat: active=0, ${tail}freq=2.0, loadavg=[1, 0.5, 0], local_received=1795171575.251, ` +
        'pid=7, processed=1, sw_ident=lovage, sw_sys=Linux, sw_ver=1, utcoffset=0',
    )
  })

  test('S100 what events hold cannot move the cursor or forge a line', () => {
    const line = new EventDump().line(
      event('task-failed', { uuid: 'u\u001b[2J', exception: 'a\nb', traceback: '\u0007' }),
    )
    assert.doesNotMatch(line, /\p{Cc}/u)
  })

  test('hears a worker, as text and as JSON, until it is interrupted', async () => {
    using project = new Project()
    const main = project.module()
    const io = project.io()
    const running = lovage(['events', '--dump', '-A', main], io)
    await io.stdout.has(/-> evdump: starting capture\.\.\./)
    io.raise('SIGINT')
    assert.equal((await running).code, 0)
  })

  test('the live view needs a terminal, and says so', async () => {
    using project = new Project()
    const ran = await lovage(['events', '-A', project.module()], project.io())
    assert.equal(ran.code, 2)
    assert.match(ran.stderr, /needs a terminal.*--dump/)
  })
})

class Watch implements Disposable {
  readonly terminal = new FakeTerminal(110, 24)
  readonly clock = new HandClock()
  readonly asked: string[] = []
  answers: readonly Reply[] = [{ node: 'w@h', ok: true, text: 'new rate limit set successfully' }]
  readonly monitor = new Monitor({
    terminal: this.terminal,
    clock: this.clock,
    greeting: 'lovage events 1',
    color: true,
    revoke: async id => {
      this.asked.push(`revoke ${id}`)
      return this.answers
    },
    rateLimit: async (task, rate) => {
      this.asked.push(`limit ${task} ${rate}`)
      return this.answers
    },
  })
  readonly #running = this.monitor.run()

  async show(...events: readonly ReceivedEvent[]): Promise<string> {
    this.monitor.take(events)
    await this.clock.pass(100)
    return this.terminal.text
  }

  async press(keys: string): Promise<string> {
    this.terminal.press(keys)
    await this.clock.pass(0)
    return this.terminal.text
  }

  [Symbol.dispose](): void {
    this.#running[Symbol.dispose]()
  }
}

describe('the live view', () => {
  test('shows tasks, workers and counts', async () => {
    using watch = new Watch()
    const text = await watch.show(event('worker-online', BEAT), RECEIVED, FAILED)
    assert.match(text, /lovage events 1/)
    assert.match(text, /UUID +WORKER +TASK +TIME +STATE/)
    assert.match(text, /u1 +w@h +mail\.send +10:46:15 FAILURE/)
    assert.match(text, /Workers online: w@h/)
    assert.match(text, /events: 3 tasks:1 workers:1\/1/)
    assert.match(text, /No task selected/)
    assert.ok(watch.terminal.lines.length <= 24)
    assert.ok(watch.terminal.lines.every(line => line.length <= 110))
  })

  test('j and k and the arrows select, from the last around to the first', async () => {
    using watch = new Watch()
    await watch.show(...['a', 'b', 'c'].map(uuid => event('task-started', { uuid })))
    const selected = (text: string) => /Selected: |\bNo task/.exec(text)?.[0]
    assert.equal(selected(watch.terminal.text), 'No task')
    const marked = () =>
      /\[7m(\w)/.exec(watch.terminal.written.slice(watch.terminal.written.lastIndexOf('\u001b[H')))?.[1]
    const seen: unknown[] = []
    for (const key of ['j', 'j', 'J', 'j', 'k', '\u001b[A', '\u001b[B']) {
      await watch.press(key)
      seen.push(marked())
    }
    assert.deepEqual(seen, ['c', 'b', 'a', 'c', 'a', 'b', 'a'])
  })

  test('i, r and t show more of the selected task, and any key takes it away', async () => {
    using watch = new Watch()
    await watch.show(RECEIVED, FAILED)
    await watch.press('j')
    assert.match(
      await watch.press('i'),
      /Task details for u1[\s\S]*args: \('a',\)[\s\S]*exception: ValueError\('no'\)[\s\S]*Press any key/,
    )
    assert.match(await watch.press('x'), /UUID +WORKER/)
    assert.match(await watch.press('r'), /Task Result for u1[\s\S]*ValueError\('no'\)/)
    await watch.press(' ')
    assert.match(await watch.press('t'), /Task Exception Traceback for u1[\s\S]*Traceback:\n +here/)
  })

  test('a traceback of a task that has none is a beep', async () => {
    using watch = new Watch()
    await watch.show(RECEIVED)
    await watch.press('jt')
    assert.ok(watch.terminal.written.includes('\u0007'))
  })

  test('c revokes the selected task and shows what workers answer', async () => {
    using watch = new Watch()
    watch.answers = [{ node: 'w@h', ok: false, text: 'no' }]
    await watch.show(RECEIVED)
    await watch.press('c')
    assert.deepEqual(watch.asked, [])
    assert.match(await watch.press('jc'), /Remote Control Command Replies[\s\S]*w@h: no/)
    assert.deepEqual(watch.asked, ['revoke u1'])
  })

  test('l asks for a rate and limits the selected task; Escape does not', async () => {
    using watch = new Watch()
    await watch.show(RECEIVED)
    assert.match(await watch.press('jl10/'), /New rate limit: 10\/_/)
    await watch.press('\u001b')
    assert.deepEqual(watch.asked, [])
    assert.match(await watch.press('l10/x\u007fm\r'), /w@h: new rate limit set successfully/)
    assert.deepEqual(watch.asked, ['limit mail.send 10/m'])
    watch.answers = []
    await watch.press(' ')
    assert.match(await watch.press('l1/s\r'), /No replies received in 1s deadline/)
  })

  test('Ctrl-C quits, and the terminal is as it was', async () => {
    const watch = new Watch()
    assert.equal(watch.terminal.isRaw, true)
    await watch.press('\u0003')
    await watch.monitor.quit
    watch[Symbol.dispose]()
    assert.equal(watch.terminal.isRaw, false)
    assert.ok(watch.terminal.written.endsWith('\u001b[?25h\u001b[?1049l'))
  })

  test('S100 no text of an event reaches the terminal as a control sequence', async () => {
    using watch = new Watch()
    const evil = '\u001b]0;x\u0007\u009b2J'
    await watch.show(
      event('task-received', { uuid: 'u1', name: evil, args: evil, kwargs: evil }),
      event('task-failed', { uuid: 'u1', exception: evil, traceback: evil }),
    )
    for (const key of ['j', 'i', ' ', 't', ' ', 'r']) await watch.press(key)
    assert.ok(!watch.terminal.written.includes('\u001b]'))
    assert.ok(!watch.terminal.written.includes('\u009b'))
  })

  test('a terminal that is resized is drawn anew; one that is too small says so', async () => {
    using watch = new Watch()
    await watch.show(RECEIVED)
    watch.terminal.resize(60, 14)
    assert.ok(watch.terminal.lines.every(line => line.length <= 60))
    watch.terminal.resize(20, 5)
    assert.match(watch.terminal.text, /too small/)
  })

  test('a worker that misses two heartbeats is no longer online', async () => {
    using watch = new Watch()
    assert.match(await watch.show(event('worker-online', BEAT)), /Workers online: w@h/)
    await watch.clock.pass(5000)
    assert.match(watch.terminal.text, /No workers discovered[\s\S]*workers:0\/1/)
  })
})

describe('lovage events --camera', () => {
  test('takes pictures of the cluster for a program of your own', async () => {
    using project = new Project()
    const main = project.module()
    project.write(
      'camera.mjs',
      `import { appendFileSync } from 'node:fs'
export class Camera {
  onShutter(state) { appendFileSync('${project.path('shots.txt')}', state.tasks.length + '\\n') }
}
`,
    )
    const io = project.io()
    const running = lovage(['events', '-A', main, '--camera', 'camera.mjs', '--freq', '50ms'], io)
    await eventually('pictures', async () => {
      try {
        return readFileSync(project.path('shots.txt'), 'utf8').split('\n').length > 3
      } catch {
        return false
      }
    })
    io.raise('SIGINT')
    assert.equal((await running).code, 0)
  })

  test('what takes no pictures is refused', async () => {
    using project = new Project()
    const main = project.module()
    project.write('camera.mjs', 'export class Camera { shoot() {} }\n')
    const ran = await lovage(['events', '-A', main, '--camera', 'camera.mjs'], project.io())
    assert.match(ran.stderr, /takes pictures.*onShutter/)
    assert.equal(ran.code, 2)
  })
})

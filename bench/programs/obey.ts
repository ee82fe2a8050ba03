/** Tells the parent that this program is ready, answers its questions, and stops when it says so. */
export function obey(stop: () => Promise<unknown>): void {
  process.on('message', message => {
    if (message === 'usage') {
      const { user, system } = process.cpuUsage()
      process.send?.({ kind: 'usage', rss: process.memoryUsage.rss(), cpu: user + system })
    }
    if (message === 'stop') void stop().then(() => process.exit())
  })
  process.send?.({ kind: 'ready' })
}

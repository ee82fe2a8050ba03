import { Files, type Trouble } from '../disk/files.js'
import { Mount } from '../disk/mount.js'

/*
 * A disk in a process of its own: argument 1 is the folder it is mounted at, argument 2 `recorded` to keep every step.
 * Its parent may send what trouble it is to be in (`undefined` = none), or 'steps' to be told the record.
 */

export type ToDisk = { readonly kind: 'trouble'; readonly trouble: Trouble | undefined } | { readonly kind: 'steps' }

const [folder = '', recorded] = process.argv.slice(2)
const files = new Files({ recorded: recorded === 'recorded' })
try {
  const mount = new Mount(files, folder)
  process.on('message', (message: ToDisk) => {
    if (message.kind === 'trouble') files.trouble = message.trouble
    process.send?.(message.kind === 'steps' ? files.steps : 'done')
  })
  // The parent is done with it, or gone. Files that it has still open, as libsql has until its garbage is collected, would
  // keep the disk served; and an ordinary exit waits for the thread that reads the device.
  process.on('disconnect', () => mount.unmount().once('exit', () => process.kill(process.pid, 'SIGKILL')))
  process.send?.('mounted')
  await mount.serve()
} catch (error) {
  process.send?.(error instanceof Error ? error.message : String(error))
}
process.exit()

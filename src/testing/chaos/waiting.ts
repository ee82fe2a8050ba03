import { monotonic } from './journal.js'

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Waits for what other processes do. */
export async function until(what: string, look: () => boolean | Promise<boolean>, deadline = 90_000): Promise<void> {
  const end = monotonic() + deadline
  while (!(await look())) {
    if (monotonic() > end) throw new Error(`waited in vain for ${what}`)
    await pause(20)
  }
}

export async function within(deadline: number, what: string, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), deadline)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

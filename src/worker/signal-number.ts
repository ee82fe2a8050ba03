/** Numbers of the signals that end processes, the same on Linux, macOS and the BSDs. */
const NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGALRM: 14,
  SIGTERM: 15,
}

/** As events tell it: a number where the signal has the same one everywhere, else its name. */
export function signalNumber(signal: string): number | string {
  const name = signal.toUpperCase()
  return NUMBERS[name] ?? NUMBERS[`SIG${name}`] ?? signal
}

/**
 * Something that is started once and stopped once.
 *
 * `start` resolves when the service is doing its work, rejects when it cannot, and gives up when `signal` fires.
 * Disposing stops it; disposing twice, or before `start`, is fine; it never rejects.
 */
export interface Service extends AsyncDisposable {
  start(signal: AbortSignal): Promise<void>
}

import type { Socket } from 'node:net'

/**
 * RST, at once. `socket.resetAndDestroy()` says goodbye in good order first, when it can, and then its peer sees an end
 * before the reset; this is the second half of it alone. (Node knows no public way; a test would see it go.) A
 * socket that is still connecting or has said goodbye may refuse a reset, and Node would lose it without closing it.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  if (!socket.pending && !socket.writableEnded) Reflect.set(socket, 'resetAndClosing', true)
  socket.destroy()
}

export function ping(): unknown {
  return { ok: 'pong' }
}

import type { Signature } from '../protocol/signature.js'
import { withOptions } from '../protocol/signature-options.js'

/**
 * The signature as it is when given partial arguments and options: arguments are put before the stored ones (an
 * immutable one keeps its own), options override stored ones where they are not null, except those that never change
 * once present. Source: celery/canvas.py Signature._merge.
 */
export function applySignature(
  signature: Signature,
  args: readonly unknown[],
  options: Readonly<Record<string, unknown>> = {},
): Signature {
  const merged = withOptions(signature, options)
  if (signature.immutable || args.length === 0) return merged
  return { ...merged, args: [...args, ...signature.args] }
}

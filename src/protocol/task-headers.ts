import { setMember } from './dict.js'
import type { Limits } from './limits.js'
import type { Headers } from './message.js'

/*
 * The application headers of a task message: which are Celery's own, which belong to one delivery only, which the caller set.
 */

/** Celery's own headers. Source: celery/app/amqp.py as_task_v2; `meth` is reserved there; `compression` is Kombu's. */
const BUILT_IN: ReadonlySet<string> = new Set([
  'lang',
  'task',
  'id',
  'shadow',
  'eta',
  'expires',
  'group',
  'group_index',
  'retries',
  'timelimit',
  'root_id',
  'parent_id',
  'argsrepr',
  'kwargsrepr',
  'origin',
  'ignore_result',
  'replaced_task_nesting',
  'stamped_headers',
  'stamps',
  'meth',
  'compression',
])

const NONE: Headers = Object.freeze({})

/**
 * What a broker or worker notes on one delivery of a message. It says nothing about the task, so a retry does not carry it.
 * Source: celery/app/task.py X_DEATH_HEADERS; `redelivered` is Kombu's (virtual/base.py), `x-delivery-count` RabbitMQ's.
 */
export function isDeliveryHeader(name: string): boolean {
  if (name === 'redelivered') return true
  return name.startsWith('x-') && /^x-(death$|(first|last)-death-|delivery-count$|acquired-count$)/.test(name)
}

/** The headers the caller set, with their wire names. */
export function customHeaders(headers: Headers): Headers {
  let custom: Record<string, unknown> | undefined
  for (const name of Object.keys(headers)) {
    if (BUILT_IN.has(name) || isDeliveryHeader(name)) continue
    custom ??= {}
    setMember(custom, name, headers[name])
  }
  return custom ?? NONE
}

/** All headers but those of one delivery. */
export function withoutDeliveryHeaders(headers: Headers): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const name of Object.keys(headers)) if (!isDeliveryHeader(name)) setMember(kept, name, headers[name])
  return kept
}

/**
 * True when keys and values together are larger than `headerBytes` (L05), or nested deeper than `depth` (L04): whoever
 * prints them later is recursive.
 */
export function headersExceed(headers: Headers, limits: Limits): boolean {
  // No text has more than three bytes per UTF-16 unit, so nearly every message is done after adding up lengths.
  if (valueBytes(headers, limits.depth, limits.headerBytes, text => text.length * 3) <= limits.headerBytes) return false
  return valueBytes(headers, limits.depth, limits.headerBytes, text => Buffer.byteLength(text)) > limits.headerBytes
}

/**
 * As in a field table: a tag and a length with each value, a length with each key. Beyond `most` it is not counted further;
 * what is nested deeper than `depth` is Infinity. Nothing is built: every message comes through here.
 */
function valueBytes(value: unknown, depth: number, most: number, textBytes: (text: string) => number): number {
  if (typeof value === 'string') return 5 + textBytes(value)
  if (typeof value !== 'object' || value === null) return 5
  if (value instanceof Uint8Array) return 5 + value.length
  let bytes = 5
  if (Array.isArray(value)) {
    if (depth === 0 && value.length > 0) return Number.POSITIVE_INFINITY
    for (let i = 0; i < value.length && bytes <= most; i++) {
      bytes += valueBytes(value[i], depth - 1, most - bytes, textBytes)
    }
    return bytes
  }
  for (const name in value) {
    // What is inherited counts as little as it is printed.
    if (!Object.hasOwn(value, name)) continue
    if (depth === 0) return Number.POSITIVE_INFINITY
    bytes +=
      1 + textBytes(name) + valueBytes((value as Record<string, unknown>)[name], depth - 1, most - bytes, textBytes)
    if (bytes > most) break
  }
  return bytes
}

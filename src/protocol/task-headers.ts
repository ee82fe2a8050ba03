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
  if (headerBytes(headers, limits, text => text.length * 3) <= limits.headerBytes) return false
  return headerBytes(headers, limits, text => Buffer.byteLength(text)) > limits.headerBytes
}

/** As a field table: a tag and a length with each value, a length with each key. Infinity for what is nested too deep. */
function headerBytes(headers: Headers, limits: Limits, textBytes: (text: string) => number): number {
  let bytes = 0
  let level: unknown[] = [headers]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.depth) return Number.POSITIVE_INFINITY
    const below: unknown[] = []
    for (const value of level) {
      bytes += 5
      if (typeof value === 'string') bytes += textBytes(value)
      else if (value instanceof Uint8Array) bytes += value.length
      else if (Array.isArray(value)) for (const item of value) below.push(item)
      else if (typeof value === 'object' && value !== null) {
        for (const name of Object.keys(value)) {
          bytes += 1 + textBytes(name)
          below.push((value as Record<string, unknown>)[name])
        }
      }
      if (bytes > limits.headerBytes) return bytes
    }
    level = below
  }
  return bytes
}

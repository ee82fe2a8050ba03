import type { Signature } from '../protocol/signature.js'
import { withStamps } from '../protocol/signature-options.js'
import { type LinkOption, linksOf, withLinks } from '../protocol/signature-place.js'
import { bodyOf, headerOf, kindOf, membersOf, withHeaderAndBody, withMembers } from './members.js'

/** Named values that a task carries: seen by it, by what its workers tell, and to revoke by. JSON values. */
export type Stamps = Readonly<Record<string, unknown>>

/** What a signature is where a visitor meets it. */
export type StampPlace = 'task' | 'callback' | 'errback' | 'body'

/** Gives each task of a canvas its stamps; undefined = none. */
export type StampingVisitor = (signature: Signature, place: StampPlace) => Stamps | undefined

export interface StampOptions {
  /** Values of a name that is there already become a list; otherwise the new one takes its place. Default false. */
  readonly append?: boolean
}

/**
 * The canvas with stamps on every task in it, callbacks and errbacks included. The body of a chord is stamped only by a visitor.
 * Stamps that are there when a signature is applied do not change any more. Source: celery/canvas.py `Signature.stamp`.
 */
export function stamp<S extends Signature>(canvas: S, stamps: Stamps | StampingVisitor, options: StampOptions = {}): S {
  const visitor: StampingVisitor =
    typeof stamps === 'function' ? stamps : (_, place) => (place === 'body' ? undefined : stamps)
  // Nothing but options changes, and those of the members.
  return Object.freeze(stamped(canvas, 'task', visitor, options)) as S
}

function stamped(signature: Signature, place: StampPlace, visitor: StampingVisitor, options: StampOptions): Signature {
  const linked = withStampedLinks(signature, visitor, options)
  switch (kindOf(linked)) {
    case 'chain':
    case 'group': {
      const members = membersOf(linked).map(member => stamped(member, place, visitor, options))
      return withMembers(linked, members)
    }
    case 'chord':
      return withHeaderAndBody(
        linked,
        stamped(headerOf(linked), place, visitor, options),
        stamped(bodyOf(linked), 'body', visitor, options),
      )
    default:
      return withStamps(linked, visitor(linked, place) ?? {}, options)
  }
}

function withStampedLinks(signature: Signature, visitor: StampingVisitor, options: StampOptions): Signature {
  const stampLinks = (onto: Signature, option: LinkOption, place: StampPlace): Signature => {
    const links = linksOf(onto, option)
    if (links.length === 0) return onto
    return withLinks(
      onto,
      option,
      links.map(link => stamped(link, place, visitor, options)),
    )
  }
  return stampLinks(stampLinks(signature, 'link', 'callback'), 'linkError', 'errback')
}

import { ProtocolError } from './errors.js'
import { isWritableTime } from './iso8601.js'
import type { Limits } from './limits.js'
import { optionalPackage } from './optional-package.js'
import { plainValue } from './plain-value.js'
import type { Serializer } from './serializer.js'
import { utf8Text } from './utf8-text.js'
import { checkValueBounds } from './value-bounds.js'
import { yamlScalar } from './yaml-scalars.js'
import { printYaml } from './yaml-writer.js'

/** Parsing takes about a hundred times the size of the text in memory, so less of it is read than of other formats. */
const MAX_YAML_BYTES: number = 1024 * 1024

/** Resolved aliases of one anchor; more are an attempt to blow the value up. */
const MAX_ALIASES = 100

/** The few things of the `yaml` package that are used here. */
interface YamlPackage {
  readonly Parser: new () => { parse(text: string): Iterable<YamlToken> }
  readonly Composer: new (
    options: object,
  ) => { compose(tokens: Iterable<YamlToken>, forceDocument: true): Iterable<YamlDocument> }
}

interface YamlDocument {
  readonly errors: readonly Error[]
  readonly warnings: readonly Error[]
  toJS(options: object): unknown
}

/** A concrete piece of syntax: collections have items of keys and values, documents one value. */
interface YamlToken {
  readonly type: string
  readonly value?: YamlToken
  readonly items?: readonly { readonly key?: YamlToken | null; readonly value?: YamlToken }[]
}

/**
 * YAML without tags: nothing is constructed but data that JSON could hold, and dates with a zone (S03). Read by the rules
 * of PyYAML's `safe_load`; written so that any YAML reader agrees. Throws `ConfigError` when `yaml` is not installed.
 */
export function yamlSerializer(limits: Limits): Serializer {
  const yaml = optionalPackage('yaml', "serializer 'yaml'") as YamlPackage
  return {
    name: 'yaml',
    contentType: 'application/x-yaml',
    contentEncoding: 'utf-8',
    encode: (value, names) =>
      Buffer.from(printYaml(plainValue(value, { limits, names, isLeaf, format: 'YAML' })), 'utf8'),
    decode: body => {
      if (body.length > MAX_YAML_BYTES) {
        throw new ProtocolError('too-large', `the YAML has ${body.length} bytes; at most ${MAX_YAML_BYTES} are read`)
      }
      const value = guarded(() => parse(yaml, utf8Text(body), limits))
      checkValueBounds(value, limits)
      return value
    },
  }
}

function isLeaf(value: string | number | bigint | object): boolean {
  return typeof value !== 'object' || (value instanceof Date && isWritableTime(value.getTime()))
}

/** The package throws errors of its own kinds, for too many aliases, unknown anchors and the like. */
function guarded(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    throw new ProtocolError('undecodable', 'the body is not YAML, or its aliases are not', { cause: error })
  }
}

const OPTIONS = {
  version: '1.1',
  schema: 'failsafe',
  customTags: [
    { tag: 'tag:yaml.org,2002:plain', default: true, identify: () => false, test: /^/, resolve: yamlScalar },
  ],
  // Equal keys are fine, the last one wins; looking for them would also be quadratic.
  uniqueKeys: false,
  merge: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const

function parse(yaml: YamlPackage, text: string, limits: Limits): unknown {
  const tokens = [...new yaml.Parser().parse(text)]
  checkDepth(tokens, limits)
  const [document, second] = new yaml.Composer(OPTIONS).compose(tokens, true)
  if (document === undefined || second !== undefined)
    throw new ProtocolError('undecodable', 'the body is not one YAML document')
  // A tag is no error to the package, which drops it: the value would be another than the sender's.
  if (document.errors.length + document.warnings.length > 0) {
    throw new ProtocolError('undecodable', 'the body is not YAML, or uses tags')
  }
  return document.toJS({ maxAliasCount: MAX_ALIASES })
}

/**
 * The composer is recursive, and a stack that runs full inside one of its regular expressions ends the process. The
 * parser before it is not; so the depth is known in time.
 */
function checkDepth(tokens: readonly YamlToken[], limits: Limits): void {
  const open: { readonly token: YamlToken; readonly depth: number }[] = tokens.map(token => ({ token, depth: 0 }))
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next
    if (depth > limits.depth)
      throw new ProtocolError('malformed', `the YAML is nested deeper than ${limits.depth} levels`)
    if (token.type === 'document' && token.value !== undefined) open.push({ token: token.value, depth })
    for (const { key, value } of token.items ?? []) {
      if (key) open.push({ token: key, depth: depth + 1 })
      if (value) open.push({ token: value, depth: depth + 1 })
    }
  }
}

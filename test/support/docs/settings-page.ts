import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Setting } from '../../../src/app/setting-types.js'
import { environmentName, type SettingName } from '../../../src/app/settings.js'
import { SETTINGS } from '../../../src/app/settings-table.js'
import { filesBelow, repositoryRoot } from '../repository.js'

/** Sections of the page: the prefix of a name decides, the first that fits. */
const SECTIONS: readonly (readonly [title: string, names: RegExp])[] = [
  ['Broker', /^(broker|durability|allowNetwork|lease)/],
  ['Publishing', /^(publish|deadLetter|unknownTask)/],
  ['Tasks', /^task/],
  ['Worker', /^worker/],
  ['Results', /^(result|database|cache|overrideBackends)/],
  ['Limits', /^limit/],
  ['Security', /^security/],
  ['Control and events', /^(control|event(?!s))/],
  ['Redis', /^redis/],
  ['Periodic tasks and monitors', /^(beat|events)/],
  [
    'Result backends that Lovage does not have',
    /^(arangodb|azure|cassandra|cosmosdb|couchbase|dynamodb|elasticsearch|gcs|mongodb|s3)/,
  ],
]

/** `docs/reference/settings.md`, made of the table of settings. */
export function settingsPage(): string {
  const groups = new Map<string, string[]>([
    ['Project', []],
    ...SECTIONS.map(([title]) => [title, []] as [string, string[]]),
  ])
  for (const [name, setting] of entries()) {
    const title = SECTIONS.find(([, names]) => names.test(name))?.[0] ?? 'Project'
    groups.get(title)?.push(row(name, setting))
  }
  const sections = [...groups].map(([title, rows]) => `## ${title}\n\n${HEAD}\n${rows.join('\n')}\n`)
  return `${INTRODUCTION}\n${sections.join('\n')}`
}

/** Settings that no code names, so that giving them can have no effect. */
export function unreadSettings(): readonly SettingName[] {
  const code = filesBelow('src', '.ts')
    .filter(path => !path.endsWith('.test.ts') && !path.endsWith('/settings-table.ts'))
    .map(path => readFileSync(join(repositoryRoot(), path), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))
    .join('\n')
  const words = new Set(code.match(/\w+/g))
  return entries().flatMap(([name]) => (words.has(name) ? [] : [name]))
}

const INTRODUCTION = `# Settings

<!-- Written by scripts/reference.mjs from src/app/settings-table.ts; do not edit. -->

Names are Celery's, camelCased, and so are the defaults. Celery's own names are accepted as well: \`task_acks_late\` as well as
\`taskAcksLate\`, and the old upper-case names shown below. In the environment a setting is \`LOVAGE_\` and its name in upper case:
\`${environmentName('taskAcksLate')}\`. Spans are in seconds unless they have a unit: \`'250ms'\`, \`'5m'\`, \`'2h'\`.

Where settings come from and which place wins: [configuration](../guide/configuration.md).

*No effect yet*: the setting is accepted and checked, and does nothing in this version. *No meaning*: it configures something of
Celery's that has no counterpart here. Giving either produces a warning.
`

const HEAD = '| setting | default | meaning |\n| --- | --- | --- |'

function row(name: SettingName, setting: Setting): string {
  const old = setting.old === undefined ? '' : ` Old name: \`${setting.old}\`.`
  const choices = setting.choices === undefined ? '' : ` One of ${setting.choices.map(shown).join(', ')}.`
  const note = setting.idle === true ? '*No meaning.* ' : setting.later === true ? '*No effect yet.* ' : ''
  const cells = [`\`${name}\``, defaultOf(setting), `${note}${setting.doc}${choices}${old}`]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function defaultOf(setting: Setting): string {
  if (setting.default === null) return 'unset'
  const unit = setting.unit ?? (setting.type === 'duration' ? 's' : undefined)
  return unit === undefined ? shown(setting.default) : `${shown(setting.default)} ${unit}`
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `\`'${value}'\`` : `\`${JSON.stringify(value)}\``
}

function entries(): readonly (readonly [SettingName, Setting])[] {
  // Every row of the table is a setting under its name.
  return Object.entries(SETTINGS) as unknown as readonly (readonly [SettingName, Setting])[]
}

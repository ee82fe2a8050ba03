import { App } from 'lovage'

/** The TypeScript half. Worker: lovage worker -A words.ts -Q words,typescript */
export const app = new App('words', {
  brokerUrl: process.env['BROKER_URL'] ?? '',
  resultBackend: process.env['RESULT_BACKEND'] ?? '',
  taskDefaultQueue: 'words',
  // What only one language can do has a queue that only its workers consume.
  taskRoutes: { 'words.shout': 'python', 'words.slug': 'typescript' },
})

export interface Count {
  readonly words: number
  readonly by: string
}

/** Both halves can do this one: whoever is free takes it. `params` lets Python call it by keyword. */
export const count = app.task(
  'words.count',
  (text: string): Count => ({ words: text.split(/\s+/).filter(word => word !== '').length, by: 'TypeScript' }),
  { params: ['text'] },
)

export const slug = app.task(
  'words.slug',
  (text: string): string => {
    if (text === '') throw new RangeError('nothing to name')
    return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  },
  { params: ['text'] },
)

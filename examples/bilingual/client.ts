import { TaskError } from 'lovage'
import { app, count } from './words.ts'

/** The TypeScript client: calls tasks of both halves, without caring which worker runs them. */
const CALLS = 20

const results = await Promise.all(Array.from({ length: CALLS }, (_, i) => count.delay(`the line number ${i}`)))
const counts = await Promise.all(results.map(result => result.get({ timeout: 60 })))
if (counts.some(({ words }) => words !== 4)) throw new Error(JSON.stringify(counts))
const by: Record<string, number> = {}
for (const one of counts.toSorted((a, b) => (a.by < b.by ? -1 : 1))) by[one.by] = (by[one.by] ?? 0) + 1
console.log('TypeScript client: counted by', by)

// A task that lives in Python is called by its name.
const shout = await app.sendTask<string>('words.shout', ['lovage beside python'])
console.log('TypeScript client: Python says', await shout.get({ timeout: 60 }))

const wrong = await app.sendTask('words.shout', [''])
try {
  await wrong.get({ timeout: 60 })
} catch (error) {
  if (!(error instanceof TaskError)) throw error
  console.log('TypeScript client: Python raises', `${error.excType}(${error.excMessage})`)
}

await app[Symbol.asyncDispose]()

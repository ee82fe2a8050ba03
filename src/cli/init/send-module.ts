import { extensionOf, type ProjectFile, type ProjectOptions } from './project-file.js'

export function sendModule(options: ProjectOptions): ProjectFile {
  const extension = extensionOf(options)
  return {
    path: `send.${extension}`,
    text: `import { add, app, greet } from './tasks.${extension}'

const sum = await add.delay(2, 3)
const greeting = await greet.delay('world')
console.log(\`sent \${sum.id} and \${greeting.id}; waiting for a worker (npm run worker)\`)

console.log(\`2 + 3 = \${await sum.get({ timeout: 60 })}\`)
console.log(await greeting.get({ timeout: 60 }))

await app[Symbol.asyncDispose]()
`,
  }
}

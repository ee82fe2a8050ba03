import { connect, publish } from '../../support/brokers/sqlite-rig.js'

/* Publishes `count` messages `<name>-<i>`, ten in flight, tells each that was accepted, and ends by itself. */

const [path = '', name = 'p', count = '1'] = process.argv.slice(2)
const { connection } = await connect(path)
for (let i = 0; i < Number(count); i += 10) {
  const texts = Array.from({ length: Math.min(10, Number(count) - i) }, (_, k) => `${name}-${i + k}`)
  await Promise.all(texts.map(text => publish(connection, text)))
  console.log(texts.join(' '))
}

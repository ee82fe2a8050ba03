import { interop } from './suite.js'

await interop({ broker: 'rabbitmq', backend: 'redis' })

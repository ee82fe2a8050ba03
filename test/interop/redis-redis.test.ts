import { interop } from './suite.js'

await interop({ broker: 'redis', backend: 'redis' }, 'all')

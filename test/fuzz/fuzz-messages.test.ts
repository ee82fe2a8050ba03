import { fuzzTests } from './fuzz-tests.js'
import { allTargets, MESSAGE_TARGETS } from './targets.js'

fuzzTests(allTargets().filter(({ name }) => MESSAGE_TARGETS.has(name)))

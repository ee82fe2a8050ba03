import { CANVAS_MUTANTS } from './canvases/mutants.js'
import { testMutants } from './mutants-share.js'

testMutants(CANVAS_MUTANTS)

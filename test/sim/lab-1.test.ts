import { testShare } from './lab-share.js'

// Half of the seeds of npm test; the other half is in another file, so that two cores have work.
testShare(1)

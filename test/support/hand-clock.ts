export { HandClock } from '../../src/testing/hand-clock.js'

/*
 * Of a child process. What is said either way has a socket of its own: a parent that writes to a child which has just died loses
 * that socket, and could not read any more what the child had said before.
 */

/** The child hears its parent here. */
export const HEARD_FD = 3

/** The child speaks to its parent here. */
export const SAID_FD = 4

/** A pipe on which nothing is ever written. Its end is the parent's. */
export const LIFE_FD = 5

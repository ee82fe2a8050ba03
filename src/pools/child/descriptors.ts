/** Of a child process: the socket to its parent. */
export const LINE_FD = 3

/** Of a child process: a pipe on which nothing is ever written. Its end is the parent's. */
export const LIFE_FD = 4

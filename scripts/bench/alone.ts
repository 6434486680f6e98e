/** Resolves when what was sent in this turn of the event loop has left: the next message finds its link idle. */
export const alone = (): Promise<void> => new Promise(setImmediate)

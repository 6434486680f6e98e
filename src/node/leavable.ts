/**
 * Reads what `start` yields, and can be left at any time: a generator alone only between two elements, and the next one
 * may never come. `start` is given a signal that aborts then, and when `signal` does.
 */
export function leavable<T>(
  signal: AbortSignal | undefined,
  start: (signal: AbortSignal) => AsyncGenerator<T, void>
): AsyncIterableIterator<T, void> {
  const left = new AbortController()
  const elements = start(signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]))
  return {
    next: () =>
      elements.next().catch((error: unknown) => {
        if (left.signal.aborted) return { done: true, value: undefined }
        throw error
      }),
    return: () => {
      left.abort()
      return elements.return()
    },
    [Symbol.asyncIterator]() {
      return this
    }
  }
}

import { until } from './until.ts'

/** What an endless source told so far, and the way to wait for what it will tell. */
export interface Recording<T> {
  readonly all: readonly T[]
  /** The first element that matches, now or later. */
  first<S extends T>(matches: (element: T) => element is S): Promise<S>
  first(matches: (element: T) => boolean): Promise<T>
}

export function record<T>(source: AsyncIterable<T>): Recording<T> {
  const all: T[] = []
  void (async () => {
    for await (const element of source) all.push(element)
  })().catch(() => {})
  const first = async (matches: (element: T) => boolean): Promise<T> => {
    await until(`an element that ${matches} holds for`, () => all.some(matches))
    return all.find(matches)!
  }
  return { all, first: first as Recording<T>['first'] }
}

/** Reads a finite source to its end. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const element of source) all.push(element)
  return all
}

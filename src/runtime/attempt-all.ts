/**
 * Does the deed for each, also after one that throws: what has nothing to do with a mistake must not be lost to it. The
 * mistake is thrown at the end, so that it is heard of as it would have been.
 */
export function attemptAll<T>(items: Iterable<T>, deed: (item: T) => void): void {
  let errors: unknown[] | undefined
  for (const item of items) {
    try {
      deed(item)
    } catch (error) {
      if (errors === undefined) errors = [error]
      else errors.push(error)
    }
  }
  if (errors !== undefined) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several deeds failed')
}

/** So many whole numbers from `from` on. */
export function numbers(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}

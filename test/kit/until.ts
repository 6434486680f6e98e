import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for what must come to be. The deadline (ms) only bounds a failure, which says what never came. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadline = 15_000
): Promise<void> {
  const end = performance.now() + deadline
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${deadline} ms in vain for ${what}`)
    await sleep(5)
  }
}

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { mutants } from './index.ts'
import type { Mutant } from './types.ts'

/** The first seed at which a mutant was noticed. */
export interface Catch {
  seed: number
  /** What the checker said. */
  invariant: string
  /** Real ms. */
  took: number
}

export interface Trophy {
  mutant: Mutant
  caught: Catch | undefined
}

const PLAYER = new URL('./player.ts', import.meta.url)

/** Plays up to `seeds` seeds of each mutant in a process of its own, as many at a time as there are processors. */
export async function hunt(chosen: readonly Mutant[], seeds: number, told: (trophy: Trophy) => void): Promise<void> {
  const waiting = [...chosen]
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      told({ mutant, caught: await play(mutant, 1, seeds) })
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}

/** Plays up to `seeds` seeds of a mutant, from `first` on. */
export async function play(mutant: Mutant, first: number, seeds: number): Promise<Catch | undefined> {
  const child = fork(PLAYER, [mutants.indexOf(mutant), first, seeds].map(String))
  const exit = once(child, 'exit')
  let answer: Catch | null | undefined
  child.on('message', (message: Catch | null) => {
    answer = message
  })
  const [code] = await exit
  if (answer === undefined) throw new Error(`the process that plays “${mutant.name}” ended with ${code}`)
  return answer ?? undefined
}

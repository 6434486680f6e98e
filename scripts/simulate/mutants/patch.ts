import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import type { Mutant } from './types.ts'

const ROOT = new URL('../../../', import.meta.url)

/** The file with the bug in it. Throws where its place is not there exactly once. */
export function patched({ name, file, find, replace }: Mutant): string {
  const source = readFileSync(new URL(file, ROOT), 'utf8')
  const pieces = source.split(find)
  if (pieces.length !== 2) {
    throw new Error(`the mutant “${name}” finds its place ${pieces.length - 1} times in ${file}, not once`)
  }
  return pieces.join(replace)
}

/** From here on this process loads the file with the bug in it: call it before anything imports the file. */
export function infect(mutant: Mutant): void {
  const source = patched(mutant)
  const { href } = new URL(mutant.file, ROOT)
  registerHooks({
    load: (url, context, next) => (url === href ? { ...next(url, context), source } : next(url, context))
  })
}

import type { Mutant } from './types.ts'

export const mutants: readonly Mutant[] = []

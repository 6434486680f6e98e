import { agreement } from './agreement.ts'
import { causalOrder } from './causal-order.ts'
import { council } from './council.ts'
import { disorder } from './disorder.ts'
import { gaps } from './gaps.ts'
import { letters } from './letters.ts'
import { lost } from './lost.ts'
import { totalOrder } from './total-order.ts'
import { twice } from './twice.ts'
import type { Mutant } from './types.ts'

export const mutants: readonly Mutant[] = [
  ...lost,
  ...twice,
  ...disorder,
  ...causalOrder,
  ...letters,
  ...gaps,
  ...agreement,
  ...totalOrder,
  ...council
]

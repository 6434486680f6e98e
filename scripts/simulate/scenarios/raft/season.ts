import type { RaftOptions } from '../../../../src/core/consensus/options.ts'
import type { Chance } from '../../chance.ts'
import { TICK } from './host.ts'

/** What a cluster lives through: anything at all, or one hard story over and over (`ordeals.ts`). */
export type Season = 'mixed' | 'disputed entry' | 'handed on' | 'forgotten vote'

export interface Setting {
  readonly season: Season
  readonly hosts: number
  /** Of them the first, to begin with. */
  readonly voters: number
  readonly keys: readonly string[]
  /** Seconds on each host's clock in one of the others' time: it drives its ticks, and tells what a lease lasts. */
  readonly speeds: readonly number[]
  readonly options: Partial<RaftOptions>
}

export function draw(chance: Chance): Setting {
  const season = chance.pick<Season>([...Array(7).fill('mixed'), 'disputed entry', 'handed on', 'forgotten vote'])
  const hosts = season === 'mixed' ? 2 + chance.below(5) : season === 'disputed entry' ? 5 : 3
  const voters = season === 'mixed' ? 1 + chance.below(Math.min(5, hosts)) : hosts
  const speeds = chance.happens(0.7) ? [1] : [0.8, 1, 1.25]
  const keys = ['x', 'y', 'z'].slice(0, 1 + chance.below(3))
  return { season, hosts, voters, keys, speeds, options: optionsOf(season, speeds, chance) }
}

/** Small bounds, so that all of them are met. */
function optionsOf(season: Season, speeds: readonly number[], chance: Chance): Partial<RaftOptions> {
  // One tick less than the ten of an election on the fastest clock, as a slow one tells it, and a little less for good measure.
  const lease = Math.floor((9 * TICK * Math.min(...speeds)) / Math.max(...speeds)) - 5
  const oneByOne = season === 'disputed entry'
  return {
    maxAppendBytes: oneByOne ? 1 : chance.pick([1, 1, 100, 10_000]),
    maxInflight: oneByOne ? 1 : chance.pick([1, 3, 100]),
    maxInflightBytes: chance.pick([60, 10_000]),
    chunkBytes: chance.pick([7, 25, 100]),
    lease: season === 'handed on' || chance.happens(0.5) ? lease : undefined
  }
}

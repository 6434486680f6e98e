import type { Scenario } from '../types.ts'
import { Council } from './council.ts'
import { Diarists } from './diarists.ts'
import { Door } from './door.ts'
import { meddle } from './ordeals.ts'
import { RegisterClients } from './register-clients.ts'
import { Scribes } from './scribes.ts'
import { Watchers } from './watchers.ts'

/** Clients of the registers: more on one key at a time and a search for an order may take for ever. */
const CLIENTS = 6

/**
 * Groups of production nodes, whose voters crash, are cut off and are changed meanwhile: what clients on members and
 * elsewhere saw of registers has an order; every proposal is applied once, at the same place everywhere; locks are held by
 * one at a time; a watch misses nothing; and all heals by itself.
 */
export const consensus: Scenario = {
  name: 'consensus',
  async play(play) {
    const { chance } = play
    const council = await Council.open(play)
    const { mesh, hosts } = council
    const clients = new RegisterClients(council)
    const scribes = new Scribes(council)
    const watchers = new Watchers(council)
    const diarists = new Diarists(council)
    const door = new Door(council)
    const everywhere = [...hosts, ...chance.shuffled(hosts)].slice(0, CLIENTS)
    const some = (count: number): number[] => chance.shuffled(hosts).slice(0, count)
    const working: Promise<void>[] = [
      ...everywhere.map((host, i) => clients.run(host, `${i}`)),
      ...some(3).map((host) => scribes.run(host)),
      ...some(2).map((host) => watchers.run(host)),
      ...some(2).map((host) => diarists.run(host)),
      ...some(3).map((host) => door.run(host))
    ]
    const work = Promise.all(working)
    work.catch(() => {})
    try {
      await council.trouble(chance.between(4_000, 12_000), () => meddle(council))
      await mesh.advance(chance.between(0, 3_000))
      await scribes.heal()
      await watchers.judge()
    } finally {
      council.end()
    }
    await mesh.run(work)
    await scribes.judge()
    await clients.judge()
    await door.judge()
  }
}

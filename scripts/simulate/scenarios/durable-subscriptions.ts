import type { Evidence } from '../../../src/runtime/pubsub/types.ts'
import { RARE } from '../play.ts'
import { Storm } from '../storm.ts'
import type { Watched } from '../watched.ts'
import { Auditor, type Entry } from './auditor.ts'
import type { Scenario } from './types.ts'

/**
 * What a publisher was told is on its disk reaches every durable subscription, in order, whoever crashes and whatever of
 * their disks was not synced; what a subscription has acknowledged and recorded never comes again.
 */
export const durableSubscriptions: Scenario = {
  name: 'durable-subscriptions',
  async play(play) {
    const { chance } = play
    const nodes = 2 + chance.below(3)
    // On a slow disk a crash takes what others might have seen, were it shown to them too early.
    const disks = { syncLatency: [0.2, chance.pick([2, 50, 500])] as const }
    const mesh = await play.mesh({ nodes, disks, ...play.network(RARE) })
    const auditors = Array.from({ length: nodes }, (_, i) => new Auditor(play, mesh, i))
    const published: { entry: Entry; durable: boolean; watched: Watched<Evidence> }[] = []
    const counts = new Map<number, number>()
    const all = Array.from({ length: nodes }, (_, i) => i)
    /** A disk on which nothing can be synced: a node starts on one that works, and then it may fail. */
    const failing = chance.pick([0, 0, 0.3])
    const fail = (i: number, share: number): void => {
      mesh.disk(i).syncFailure = share
    }
    const revive = (i: number) => auditors[i]!.subscribe(storm.lifeOf(i))
    const storm = new Storm(play, mesh, { nodes, victims: all, together: [], prepare: (i) => fail(i, 0), revive })
    await mesh.run(Promise.all(all.map(revive)))
    await mesh.run(Promise.all(auditors.map((auditor) => auditor.ready())))

    const publish = (): void => {
      const living = all.filter((i) => storm.isUp(i))
      if (living.length === 0) return
      const publisher = chance.pick(living)
      for (const i of living) fail(i, chance.happens(0.2) ? failing : 0)
      const life = mesh.nodes[publisher]!
      const durable = chance.happens(0.8)
      const count = chance.pick([1, 1, 5, 40])
      // Numbered once the agent is there: only what one agent publishes after another is in order.
      void life.agent('publisher').then((agent) => {
        if (mesh.nodes[publisher] !== life || !storm.isUp(publisher)) return
        for (let i = 0; i < count; i++) {
          const number = counts.get(publisher) ?? 0
          counts.set(publisher, number + 1)
          const entry = { publisher, number }
          const publishing = agent.publish(`node.${publisher}`, entry, { durable })
          published.push({ entry, durable, watched: play.watch(mesh, `publish ${publisher}/${number}`, publishing) })
        }
      })
      if (chance.happens(0.1)) {
        const i = chance.pick(living)
        void auditors[i]!.reopen(storm.lifeOf(i)).catch((error) => play.note(mesh, `reopen ${i}: ${error}`))
      }
    }
    await storm.rage(chance.between(5_000, 20_000), publish)
    for (const i of all) fail(i, 0)
    await mesh.advance(30_000)
    const stored = published.filter(({ durable, watched }) => durable && watched.resolved)
    for (const [i, auditor] of auditors.entries()) {
      const missing = () => stored.filter(({ entry }) => !auditor.has(entry)).map(({ watched }) => watched.what)
      const details = () => ({ auditor: i, missing: missing().slice(0, 5) })
      await play.until(mesh, 'what is on the publisher’s disk reaches everybody', () => missing().length === 0, details)
    }
  }
}

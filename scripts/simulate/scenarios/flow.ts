import { INITIAL_CREDIT } from '../../../protocols/framing/constants.ts'
import type { Watched } from '../watched.ts'
import type { Scenario } from './types.ts'

/** Bytes of data in each message. */
const SIZE = 1_000

/** Messages of each sender. */
const MESSAGES = 1_000
/** ms; stalls are shorter. */
const PATIENCE = 120_000

/** A receiver that stalls at random slows its senders: nothing piles up past its bound, nothing is lost, all ends. */
export const flow: Scenario = {
  name: 'flow',
  async play(play) {
    const { chance } = play
    const messages = 4 + chance.below(40)
    const highWatermark = 1 + chance.below(messages)
    const mailbox = { messages, highWatermark, lowWatermark: chance.below(highWatermark), bytes: 2 ** 20 }
    // No stall is so long that it counts as a failure.
    const patience = { atMostOnceTimeout: PATIENCE, deliveryTimeout: PATIENCE }
    const limits = {
      mailbox,
      creditMessages: INITIAL_CREDIT.frames + chance.below(200),
      linkQueueBytes: 4_096,
      ...patience
    }
    const senders = 1 + chance.below(3)
    const mesh = await play.mesh({ nodes: Array.from({ length: senders + 1 }, () => ({ limits })), ...play.network() })
    const concurrency = 1 + chance.below(4)

    const handled = { once: 0, acknowledged: new Set<string>() }
    let sent = 0
    let running = 0
    let stalledUntil = 0
    const queues: number[] = []
    const receive = async ({ data }: { data: { from: number; n: number; tracked: boolean } }): Promise<void> => {
      running++
      play.must(running <= concurrency, 'no more are handled at once than was said', { running, concurrency })
      if (mesh.now < stalledUntil) await mesh.sleep(stalledUntil - mesh.now)
      else await mesh.sleep(chance.between(0, 20))
      running--
      if (data.tracked) handled.acknowledged.add(`${data.from} ${data.n}`)
      else handled.once++
    }
    const receiver = await mesh.run(mesh.nodes[0]!.agent('receiver'))
    receiver.receive(receive, { concurrency })
    void (async () => {
      for await (const event of mesh.nodes[0]!.events()) {
        if (event.kind === 'slow-consumer' && 'agent' in event) queues.push(event.queued)
        play.must(event.kind !== 'dropped', 'nothing is lost', { event })
      }
    })()

    const padding = new Uint8Array(SIZE)
    const runs: Watched<void>[] = []
    for (let from = 1; from <= senders; from++) {
      const agent = await mesh.run(mesh.nodes[from]!.agent(`sender-${from}`))
      const tracked = chance.happens(0.5)
      const delivery = tracked ? 'at-least-once' : 'at-most-once'
      const send = async (n: number): Promise<void> => {
        await agent.send('receiver', { from, n, tracked, padding }, { delivery, maxRetries: 20 })
        if (!tracked) sent++
      }
      const run = async (): Promise<void> => {
        const width = tracked ? 1 + chance.below(100) : 1
        for (let n = 0; n < MESSAGES; n += width)
          await Promise.all(Array.from({ length: width }, (_, k) => send(n + k)))
      }
      play.messages += MESSAGES
      runs.push(play.watch(mesh, `sender-${from}, ${delivery}`, run()))
    }
    // What a sender was told has gone is handled, queued, or within the credit and the queue of its link.
    const perLink = limits.creditMessages + Math.ceil(limits.linkQueueBytes / SIZE) + 1
    const bound = messages + concurrency + senders * perLink
    const until = mesh.now + chance.between(2_000, 20_000)
    while (mesh.now < until) {
      if (chance.happens(0.1)) {
        play.faults++
        stalledUntil = mesh.now + chance.between(0, 5_000)
      }
      await mesh.advance(chance.between(0, 200))
      play.must(sent - handled.once <= bound, 'what waits is bounded', { waiting: sent - handled.once, bound, limits })
    }
    await play.ended(mesh, runs, 'everything finishes once the receiver goes on')
    const failed = runs.find(({ error }) => error !== undefined)
    play.must(failed === undefined, 'nothing is lost', { what: failed?.what, error: failed?.error })
    await play.until(
      mesh,
      'nothing is lost',
      () => handled.once === sent,
      () => ({ sent, handled: handled.once })
    )
    const most = Math.max(0, ...queues)
    const overflow = messages + senders * limits.creditMessages
    play.must(most <= overflow, 'no queue exceeds its bound', { most, overflow })
  }
}

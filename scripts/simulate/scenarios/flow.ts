import { INITIAL_CREDIT } from '../../../protocols/framing/constants.ts'
import type { LimitOptions } from '../../../src/node/config-limits.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Chance } from '../chance.ts'
import { type Play, RARE } from '../play.ts'
import type { Watched } from '../watched.ts'
import { StallingReceiver } from './stalling-receiver.ts'
import type { Scenario } from './types.ts'

/** Bytes of data in each message, and messages of each sender. */
const SIZE = 1_000
const MESSAGES = 1_000
/** Bytes; a few messages fill it. */
const LINK_QUEUE = 4_096
/** ms; stalls are shorter: none is so long that it counts as a failure. */
const PATIENCE = 120_000
const LONGEST_STALL = 5_000

/** A receiver that stalls at random slows its senders: nothing piles up past its bound, nothing is lost, all ends. */
export const flow: Scenario = {
  name: 'flow',
  async play(play) {
    const { chance } = play
    const limits = anyLimits(chance)
    const senders = 1 + chance.below(3)
    const mesh = await play.mesh({
      nodes: Array.from({ length: senders + 1 }, () => ({ limits })),
      ...play.network(RARE)
    })
    const receiver = await StallingReceiver.on(play, mesh, 1 + chance.below(4))
    const sent = { untracked: 0, tracked: 0 }
    const runs: Watched<void>[] = []
    for (let i = 1; i <= senders; i++) runs.push(await startSender(play, mesh, i, sent))

    // What a sender was told has gone is handled, queued, or within the credit and the queue of its link.
    const perLink = limits.creditMessages + Math.ceil(LINK_QUEUE / SIZE) + 1
    const bound = limits.mailbox.messages + receiver.concurrency + senders * perLink
    const until = mesh.now + chance.between(2_000, 20_000)
    while (mesh.now < until) {
      if (chance.happens(0.1)) receiver.stall(chance.between(0, LONGEST_STALL))
      await mesh.advance(chance.between(0, 200))
      const waiting = sent.untracked - receiver.handled.untracked
      play.must(waiting <= bound, 'what waits is bounded', { waiting, bound, limits })
    }
    await play.ended(mesh, runs, 'everything finishes once the receiver goes on')
    const failed = runs.find(({ error }) => error !== undefined)
    play.must(failed === undefined, 'nothing is lost', { what: failed?.what, error: failed?.error })
    const done = () => receiver.handled.untracked === sent.untracked && receiver.handled.tracked >= sent.tracked
    await play.until(mesh, 'nothing is lost', done, () => ({ sent, handled: receiver.handled }))
    const most = limits.mailbox.messages + senders * limits.creditMessages
    play.must(receiver.longest <= most, 'no queue exceeds its bound', { longest: receiver.longest, most })
  }
}

function anyLimits(chance: Chance) {
  const messages = 4 + chance.below(40)
  const highWatermark = 1 + chance.below(messages)
  return {
    mailbox: { messages, highWatermark, lowWatermark: chance.below(highWatermark), bytes: 2 ** 20 },
    creditMessages: INITIAL_CREDIT.frames + chance.below(200),
    linkQueueBytes: LINK_QUEUE,
    atMostOnceTimeout: PATIENCE,
    deliveryTimeout: PATIENCE
  } satisfies LimitOptions
}

/** At most once, one after another; or at least once, many at a time. */
async function startSender(
  play: Play,
  mesh: Mesh,
  i: number,
  sent: { untracked: number; tracked: number }
): Promise<Watched<void>> {
  const agent = await mesh.run(mesh.nodes[i]!.agent(`sender-${i}`))
  const padding = new Uint8Array(SIZE)
  const tracked = play.chance.happens(0.5)
  const delivery = tracked ? 'at-least-once' : 'at-most-once'
  const width = tracked ? 1 + play.chance.below(100) : 1
  const send = async (): Promise<void> => {
    await agent.send('receiver', { tracked, padding }, { delivery, maxRetries: 20 })
    sent[tracked ? 'tracked' : 'untracked']++
  }
  const run = async (): Promise<void> => {
    for (let n = 0; n < MESSAGES; n += width) await Promise.all(Array.from({ length: width }, send))
  }
  play.messages += MESSAGES
  return play.watch(mesh, `sender-${i}, ${delivery}`, run())
}

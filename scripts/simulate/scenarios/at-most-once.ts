import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import type { Watched } from '../watched.ts'
import type { Scenario } from './types.ts'

/** Messages of one conversation: one sender, one receiver, numbered as they were sent. */
interface Conversation {
  what: string
  to: number
  sends: Watched<unknown>[]
  handled: number[]
}

/** Everything twice is a fault, everything lost without a fault too, and what is lost is counted. */
export const atMostOnce: Scenario = {
  name: 'at-most-once',
  async play(play) {
    const { chance } = play
    const nodes = 2 + chance.below(4)
    const messages = chance.pick([8, 40, 2_000])
    const mesh = await play.mesh({
      nodes: Array.from({ length: nodes }, () => ({ limits: { mailbox: { messages } } })),
      ...play.network()
    })
    const talks = await converse(play, mesh, nodes)
    const dropped = countDropped(mesh)
    const fair = chance.happens(0.5)
    const storm = new Storm(play, mesh, { nodes, victims: [], together: [], revive: async () => {} })
    const work = (): void => {
      const { what, sends, post } = chance.pick(talks)
      for (let i = chance.pick([1, 1, 10, 100]); i > 0; i--)
        sends.push(play.watch(mesh, `${what} ${sends.length}`, post(sends.length)))
    }
    if (fair) {
      for (let i = 0; i < 40; i++) {
        work()
        await mesh.advance(chance.between(0, 200))
      }
    } else await storm.rage(chance.between(3_000, 15_000), work)
    await play.ended(
      mesh,
      talks.flatMap(({ sends }) => sends),
      'nobody waits for ever'
    )
    await mesh.advance(60_000)
    judge(play, talks, dropped(), fair)
  }
}

async function converse(
  play: Play,
  mesh: Mesh,
  nodes: number
): Promise<(Conversation & { post(n: number): Promise<unknown> })[]> {
  const { chance } = play
  const talks: (Conversation & { post(n: number): Promise<unknown> })[] = []
  const slow = chance.pick([0, 0, 5, 30])
  for (let i = 0; i < 3; i++) {
    const [from, to] = [chance.below(nodes), chance.below(nodes)]
    const what = `talk-${i} node-${from} > node-${to}`
    const handled: number[] = []
    const receive =
      slow === 0
        ? take
        : async (message: { data: number }) => {
            take(message)
            await mesh.sleep(chance.between(0, slow))
          }
    function take({ data }: { data: number }): void {
      handled.push(data)
    }
    await mesh.run(mesh.nodes[to]!.agent(`listener-${i}`, { receive }))
    const sender = await mesh.run(mesh.nodes[from]!.agent(`sender-${i}`))
    const post = (n: number) => sender.send(`listener-${i}`, n, { delivery: 'at-most-once' })
    talks.push({ what, to, sends: [], handled, post })
  }
  return talks
}

/** What every node says it has lost. */
function countDropped(mesh: Mesh): () => number {
  let count = 0
  for (const node of mesh.nodes) {
    void (async () => {
      for await (const event of node.events()) if (event.kind === 'dropped') count += event.count
    })()
  }
  return () => count
}

function judge(play: Play, talks: readonly Conversation[], dropped: number, fair: boolean): void {
  let lost = 0
  let refused = 0
  for (const { what, sends, handled } of talks) {
    const once = new Set(handled)
    play.must(once.size === handled.length, 'never twice', {
      what,
      twice: handled.filter((n, i) => handled.indexOf(n) !== i)
    })
    for (const [n, { error, what: message }] of sends.entries()) {
      if (error === undefined && !once.has(n)) lost++
      if (error === undefined) continue
      const known = ['ERR_BACKPRESSURE', 'ERR_QUEUE_FULL', 'ERR_NO_RESPONDERS', 'ERR_CIRCUIT_OPEN'].includes(
        error.code ?? ''
      )
      play.must(known, 'what rejected says why', { message, code: error.code, text: error.message })
      refused++
    }
    if (!fair) continue
    const disorder = handled.findIndex((n, i) => i > 0 && n < handled[i - 1]!)
    play.must(disorder < 0, 'without faults all arrive in order', {
      what,
      around: handled.slice(disorder - 2, disorder + 2)
    })
  }
  if (fair) play.must(lost === dropped, 'without faults what was not handled is counted', { lost, dropped })
  else play.must(dropped <= lost + refused, 'what is counted as lost is lost', { lost, dropped, refused })
}

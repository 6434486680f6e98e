import type { Agent } from '../agent/agent.ts'
import type { Receipt } from '../agent/types.ts'
import type { Election, KeyValueGroup, OpenConsensus } from '../node/consensus/types.ts'
import type { Node } from '../node/node.ts'
import type { Pipeline } from '../node/pipeline.ts'
import type { WaitKind, Waits } from './waits.ts'

type Follow = <T>(kind: WaitKind, promise: Promise<T>) => Promise<T>

/** The node, and all that it hands out, such that time passes while somebody outside the simulation awaits it. */
export function watchNode(node: Node, waits: Waits): Node {
  const follow: Follow = (kind, promise) => waits.follow(watched, kind, promise)
  const watched = watch(node, follow, {
    agent: async (...given) => watchAgent(await follow('call', node.agent(...given)), follow),
    pipeline: async (...given) => watchPipeline(await follow('call', node.pipeline(...given)), follow),
    deadLetters: watch(node.deadLetters, follow, {
      replay: async (...given) => {
        const receipt = await follow('call', node.deadLetters.replay(...given))
        return receipt && watchReceipt(receipt, follow)
      },
      list: (...given) => watchIterable(node.deadLetters.list(...given), 'part', follow)
    }),
    consensus: (async (...given: Parameters<OpenConsensus>) =>
      watchGroup((await follow('call', node.consensus(...given))) as KeyValueGroup, follow)) as OpenConsensus,
    consensusGroups: () => node.consensusGroups().map((group) => watchGroup(group as KeyValueGroup, follow)),
    placement: watch(node.placement, follow, {
      changes: (...given) => watchIterator(node.placement.changes(...given), 'reading', follow)
    }),
    pipelines: { get: (id) => watch(node.pipelines.get(id), follow) },
    rateLimits: watch(node.rateLimits, follow, {
      create: (...given) => watch(node.rateLimits.create(...given), follow),
      get: (id) => {
        const limit = node.rateLimits.get(id)
        return limit && watch(limit, follow)
      }
    }),
    monitor: (...given) => watchIterator(node.monitor(...given), 'reading', follow),
    events: (...given) => watchIterator(node.events(...given), 'reading', follow)
  })
  return watched
}

function watchAgent(agent: Agent, follow: Follow): Agent {
  const send = async (...given: Parameters<Agent['send']>): Promise<Receipt | Receipt[]> => {
    const receipts = await follow('call', agent.send(...given) as Promise<Receipt | Receipt[]>)
    return Array.isArray(receipts) ? receipts.map((one) => watchReceipt(one, follow)) : watchReceipt(receipts, follow)
  }
  return watch(agent, follow, {
    send: send as Agent['send'],
    state: watch(agent.state, follow, {
      entries: (...given) => watchIterable(agent.state.entries(...given), 'part', follow)
    }),
    stream: (...given) => watchIterable(agent.stream(...given), 'part', follow),
    subscribe: (...given) => watchIterable(agent.subscribe(...given), 'reading', follow)
  })
}

/** Of either kind: they have the same methods. */
function watchGroup(group: KeyValueGroup, follow: Follow): KeyValueGroup {
  return watch(group, follow, {
    lock: async (...given) => watch(await follow('call', group.lock(...given)), follow),
    elect: async (...given) => watchElection(await follow('call', group.elect(...given)), follow),
    watch: (...given) => watchIterator(group.watch(...given), 'reading', follow)
  })
}

function watchElection(election: Election, follow: Follow): Election {
  return watch(election, follow, {
    changes: (...given) => watchIterator(election.changes(...given), 'reading', follow)
  })
}

/** Its `settled` may be far away; of a message whose fate is known it is at hand. */
function watchReceipt(receipt: Receipt, follow: Follow): Receipt {
  return receipt.status === 'stored' ? watch(receipt, follow) : receipt
}

function watchPipeline(pipeline: Pipeline, follow: Follow): Pipeline {
  const process: Pipeline['process'] = (...given) => watchIterator(pipeline.process(...given), 'part', follow)
  const transform = Object.assign((source: Parameters<Pipeline>[0]) => process(source), pipeline)
  return watch<Pipeline>(transform, follow, { process })
}

function watchIterable<T extends AsyncIterable<unknown>>(iterable: T, kind: WaitKind, follow: Follow): T {
  const own: Partial<AsyncIterable<unknown>> = {
    [Symbol.asyncIterator]: () => watchIterator(iterable[Symbol.asyncIterator](), kind, follow)
  }
  return watch(iterable, follow, own as Partial<T>)
}

function watchIterator<T extends AsyncIterator<unknown>>(iterator: T, kind: WaitKind, follow: Follow): T {
  const own: Partial<AsyncIterator<unknown>> = { next: (...given) => follow(kind, iterator.next(...given)) }
  return watch(iterator, follow, own as Partial<T>)
}

/**
 * The target as it is, but for `own`: its methods run on itself, which has private fields, and every promise that it
 * gives is a call. A method that returns its object returns the watched one.
 */
function watch<T extends object>(target: T, follow: Follow, own: Partial<T> = {}): T {
  const watched: T = new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(own, key)) return own[key as keyof T]
      const value = Reflect.get(target, key)
      if (typeof value === 'function') return (...given: unknown[]) => result(Reflect.apply(value, target, given))
      // Who only looks at a promise need not care for its rejection.
      if (value instanceof Promise) follow('call', value).catch(() => {})
      return value
    }
  })
  const result = (value: unknown): unknown => {
    if (value === target) return watched
    return value instanceof Promise ? follow('call', value) : value
  }
  return watched
}

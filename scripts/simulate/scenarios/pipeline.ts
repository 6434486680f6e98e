import type { MeshError } from '../../../protocols/errors.ts'
import type { StageOptions } from '../../../src/node/pipeline-options.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Chance } from '../chance.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import type { Watched } from '../watched.ts'
import type { Scenario } from './types.ts'

type OnError = 'retry' | 'skip' | 'stop'

interface Trip {
  item: number
  path: string[]
}

/** Agents of the stages; whoever holds one of the first two may come and go. */
const STAGES = ['parse', 'enrich', 'store']
const PATHS = [STAGES, STAGES.slice(1), [...STAGES].reverse()]
/** Every so many items one cannot be processed, where the policy is not to try again. */
const POISON = 7

/** Results leave in order, complete under 'retry', short of what failed under 'skip', and up to it under 'stop'. */
export const pipeline: Scenario = {
  name: 'pipeline',
  async play(play) {
    const { chance } = play
    const nodes = 4 + chance.below(3)
    const mesh = await play.mesh({ nodes, ...play.network() })
    const policy = chance.pick<OnError>(['retry', 'retry', 'skip', 'stop'])
    const host = (i: number) => hostStages(play, mesh, i, policy)
    const workers = Array.from({ length: nodes - 1 }, (_, i) => i + 1)
    // The host of a pipeline and one of the stages stay: what the others leave undone has somebody to do it.
    const storm = new Storm(play, mesh, { nodes, victims: workers.slice(1), together: [0, 1], revive: host })
    await mesh.run(Promise.all(workers.map(host)))

    const highWatermark = chance.pick([1, 5, 50])
    const line = await mesh.run(
      mesh.nodes[0]!.pipeline('line', { stages: anyStages(chance, STAGES, policy), highWatermark })
    )

    const count = 20 + chance.below(80)
    const results: Trip[] = []
    let pulled = 0
    async function* source(): AsyncGenerator<Trip> {
      for (let item = 0; item < count; item++) {
        if (chance.happens(0.3)) await mesh.sleep(chance.between(0, 300))
        pulled++
        yield { item, path: [] }
      }
    }
    const run = async (): Promise<void> => {
      for await (const result of line.process(source())) {
        results.push(result)
        const held = pulled - results.length
        if (policy === 'retry')
          play.must(held <= highWatermark + 1, 'a pipeline holds no more than it may', { held, highWatermark })
        if (chance.happens(0.1)) await mesh.sleep(chance.between(0, 200))
      }
    }
    const running = play.watch(mesh, `${policy}, ${count} items`, run())
    play.messages += count
    const changes: Watched<void>[] = []
    const reconfigure = (): void => {
      if (policy !== 'retry' || !chance.happens(0.1)) return
      const names = chance.pick(PATHS)
      changes.push(
        play.watch(mesh, `reconfigure ${names}`, line.reconfigure({ stages: anyStages(chance, names, policy) }))
      )
    }
    if (policy === 'retry') await storm.rage(chance.between(3_000, 20_000), reconfigure)
    await play.ended(mesh, [running, ...changes], 'a run and each reconfiguration end')
    judge(play, policy, count, results, running.error as MeshError | undefined)
    for (const { item, path } of results) {
      const known = PATHS.some((names) => names.join() === path.join())
      play.must(known, 'an item stays on the stages that it entered', { item, path })
    }
  }
}

function anyStages(chance: Chance, names: readonly string[], onError: OnError): StageOptions[] {
  const patient = onError === 'retry' && { retries: 60, maxRetryDelay: 1_000 }
  return names.map((name) => ({ name, agent: name, concurrency: 1 + chance.below(8), onError, ...patient }))
}

function judge(play: Play, policy: OnError, count: number, results: Trip[], error: MeshError | undefined): void {
  const items = results.map(({ item }) => item)
  const unfinished = (error?.details?.['unfinished'] ?? []) as number[]
  const story = { policy, items, code: error?.code, unfinished, cause: error?.cause }
  play.must(
    items.every((item, i) => i === 0 || item > items[i - 1]!),
    'results leave in order',
    story
  )
  const all = Array.from({ length: count }, (_, i) => i)
  const good = all.filter((i) => policy === 'retry' || i % POISON !== POISON - 1)
  // What 'stop' cancelled is named, and nothing else is missing before the item that stopped it.
  const ended = policy === 'stop' ? [...items, ...unfinished.filter((i) => i < POISON - 1)] : items
  const expected = policy === 'stop' ? good.filter((i) => i < POISON) : good
  play.must(ended.join() === expected.join(), 'results are complete', story)
  const code = policy === 'stop' ? 'ERR_PIPELINE' : undefined
  play.must(error?.code === code, 'a run ends as its policy says', story)
}

async function hostStages(play: Play, mesh: Mesh, i: number, policy: OnError): Promise<void> {
  const { chance } = play
  const node = mesh.nodes[i]!
  const stage =
    (name: string) =>
    async ({ data: { item, path } }: { data: Trip }): Promise<Trip> => {
      if (chance.happens(0.3)) await mesh.sleep(chance.between(0, 100))
      if (policy !== 'retry' && item % POISON === POISON - 1) throw new Error('poison')
      if (policy === 'retry' && chance.happens(0.05)) throw new Error('not now')
      return { item, path: [...path, name] }
    }
  await Promise.all(STAGES.map((name) => node.agent(name, { handle: { [name]: stage(name) } })))
}

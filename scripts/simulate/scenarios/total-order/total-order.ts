import type { Agent } from '../../../../src/agent/agent.ts'
import type { Receipt, SendOptions } from '../../../../src/agent/types.ts'
import type { KeyValueGroup } from '../../../../src/index.ts'
import type { Mesh } from '../../../../src/testing/index.ts'
import { type Play, RARE } from '../../play.ts'
import { Storm } from '../../storm.ts'
import type { Watched } from '../../watched.ts'
import type { Scenario } from '../types.ts'
import { Ledger } from './ledger.ts'
import { Reader } from './reader.ts'
import { Worker } from './worker.ts'

const VOTERS = 3
const TOPICS = ['news.a', 'news.b']
const KEYS = ['a', 'b', undefined]
/** ms for which a publication is tried; then its publisher says it again, under the same id. A guess: some elections. */
const PATIENCE = 8_000
/** ms for what was interrupted to go on. A guess, longer than two gaps. */
const AFTERMATH = 40_000

/**
 * Publications and messages in total order; three hosts give it. Every subscriber hears the same of a topic, each number once
 * and none left out, whoever is cut off or dies meanwhile, the group's leader above all; a message is handled after the
 * one before. On a network that only delays no number is lost, not one.
 */
export const totalOrder: Scenario = {
  name: 'total-order',
  async play(play) {
    const { chance } = play
    const calm = chance.happens(0.4)
    // Short gaps are given up often; where nothing may be lost none is.
    const limits = calm ? {} : { totalGapTimeout: chance.pick([300, 2_000, 10_000]) }
    const nodes = Array.from({ length: VOTERS + 2 + chance.below(3) }, () => ({ limits }))
    const disks = { syncLatency: [0.2, 3] as const }
    const mesh = await play.mesh({ nodes, ...play.network(calm ? RARE : 0.05), disks })
    const company = new Company(play, mesh, calm)
    await mesh.run(Promise.all(mesh.nodes.map((_, i) => company.host(i))))
    if (calm) await company.work(chance.between(2_000, 6_000))
    else await company.survive(chance.between(4_000, 12_000))
    await company.judge()
  }
}

interface Desk {
  readonly agent: Agent
  readonly group: KeyValueGroup
  readonly lives: () => boolean
}

interface Published {
  readonly id: string
  readonly topic: string
  readonly number: number
  /** Those that were ready when it was begun. */
  readonly readers: readonly Reader[]
}

/** Whoever dies hears of no end. */
interface Ending<T> {
  readonly watched: Watched<T>
  readonly lives: () => boolean
}

class Company {
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #calm: boolean
  readonly #ledger: Ledger
  readonly #storm: Storm
  readonly #desks: (Desk | undefined)[] = []
  readonly #readers: Reader[] = []
  readonly #published: Published[] = []
  readonly #publishing: Ending<unknown>[] = []
  readonly #sent: (Ending<Receipt | Receipt[]> & { id: string })[] = []
  readonly #handled = new Set<string>()
  #failing: number
  #serial = 0

  constructor(play: Play, mesh: Mesh, calm: boolean) {
    const { chance } = play
    this.#play = play
    this.#mesh = mesh
    this.#calm = calm
    this.#ledger = new Ledger(play)
    this.#failing = chance.pick([0, 0.1])
    const all = [...mesh.nodes.keys()]
    const options = { nodes: all.length, victims: calm ? [] : all, together: [] }
    this.#storm = new Storm(play, mesh, { ...options, revive: (i) => this.host(i) })
  }

  /** The agents of a node, also after a restart. */
  async host(i: number): Promise<void> {
    const node = this.#mesh.nodes[i]!
    const lives = this.#storm.lifeOf(i)
    this.#desks[i] = undefined
    const voters = this.#mesh.nodes.slice(0, VOTERS).map(({ peerId }) => peerId)
    const group = await node.consensus('order', { voters })
    const agent = await node.agent(`node-${i}`)
    if (!lives()) return
    this.#listen(i, agent, lives)
    await this.#employ(i, lives)
    if (lives()) this.#desks[i] = { agent, group, lives }
  }

  #listen(i: number, agent: Agent, lives: () => boolean): void {
    const { chance } = this.#play
    let deaf = false
    const listen = async (): Promise<void> => {
      for await (const { kind } of this.#mesh.nodes[i]!.events()) if (kind === 'sequence-unread') deaf = true
    }
    void listen()
    for (let n = 1 + chance.below(2); n > 0; n--) {
      const delivery = chance.pick(['at-most-once', 'at-least-once'] as const)
      const subscription = agent.subscribe('news.*', { delivery })
      this.#readers.push(
        new Reader(this.#play, this.#ledger, `${delivery} at node-${i}`, subscription, { lives, deaf: () => deaf })
      )
    }
  }

  /** One node has the worker where nobody dies, else two; some others sing in the choir, which is sent everything. */
  async #employ(i: number, lives: () => boolean): Promise<void> {
    const { chance } = this.#play
    const node = this.#mesh.nodes[i]!
    const failing = () => chance.happens(this.#failing)
    const work = () => this.#mesh.sleep(chance.between(0, 30))
    const names = [...(i === VOTERS || (i === 0 && !this.#calm) ? ['worker'] : []), ...(i >= VOTERS ? ['choir'] : [])]
    for (const name of names) {
      const worker = new Worker(this.#play, this.#ledger, `${name} at node-${i}`, this.#calm, failing, work)
      await node.agent(name, {
        receive: [
          async (message) => {
            if (lives()) await worker.handle(message, (id) => this.#handled.add(id))
          },
          { concurrency: 4 }
        ]
      })
    }
  }

  // ---- saying ------------------------------------------------------------------------------------------------------

  #say(): void {
    const { chance } = this.#play
    const desk = chance.pick(this.#desks.filter((one) => one?.lives() === true))
    if (desk === undefined) return
    for (let n = chance.pick([1, 1, 4]); n > 0; n--) {
      if (chance.happens(0.5)) this.#publish(desk)
      else this.#send(desk)
    }
  }

  #publish(desk: Desk): void {
    const { chance } = this.#play
    const id = `p${++this.#serial}`
    const topic = chance.pick(TOPICS)
    const readers = this.#readers.filter(({ ready, lives }) => ready && lives())
    const publishing = this.#insist(desk, topic, id).then((number) => {
      if (number !== undefined) this.#published.push({ id, topic, number, readers })
    })
    const watched = this.#play.watch(this.#mesh, `publish ${id} to ${topic}`, publishing)
    this.#publishing.push({ watched, lives: desk.lives })
  }

  /** Until it is known under which number: nobody knows of one that was tried in vain whether it was taken. */
  async #insist({ agent, group, lives }: Desk, topic: string, id: string): Promise<number | undefined> {
    while (lives()) {
      try {
        const { sequence } = await agent.publish(topic, id, { ordering: 'total', group, id, timeout: PATIENCE })
        return sequence!
      } catch (error) {
        if ((error as { code?: string }).code !== 'ERR_NO_QUORUM') return undefined
      }
    }
    return undefined
  }

  #send({ agent, group, lives }: Desk): void {
    const { chance } = this.#play
    const id = `m${++this.#serial}`
    const key = chance.pick(KEYS)
    const delivery = chance.pick(['at-least-once', 'exactly-once'] as const)
    const all = chance.happens(0.3)
    // An instance that died does not come back.
    const maxRetries = all && !this.#calm ? 3 : 1_000
    const options: SendOptions = { ordering: 'total', group, delivery, key, maxRetries }
    const sending = all ? agent.send('choir', id, { ...options, to: 'all' }) : agent.send('worker', id, options)
    const watched = this.#play.watch<Receipt | Receipt[]>(this.#mesh, `send ${id} to ${all ? 'all' : key}`, sending)
    this.#sent.push({ id, lives, watched })
  }

  // ---- the world ---------------------------------------------------------------------------------------------------

  /** Nobody dies, and what is on its way comes late. */
  async work(ms: number): Promise<void> {
    const { chance } = this.#play
    const all = [...this.#mesh.nodes.keys()]
    const end = this.#mesh.now + ms
    while (this.#mesh.now < end) {
      this.#say()
      if (chance.happens(0.15)) {
        const [a, b] = chance.shuffled(all)
        this.#play.faults++
        this.#mesh.partition([a!], [b!])
        this.#say()
        await this.#mesh.advance(chance.between(0, 800))
        this.#mesh.heal()
      }
      await this.#mesh.advance(chance.between(0, 150))
    }
  }

  async survive(ms: number): Promise<void> {
    await this.#storm.rage(ms, () => {
      this.#say()
      if (this.#play.chance.happens(0.05)) this.#behead()
    })
  }

  /** Whoever leads the group dies. */
  #behead(): void {
    const leader = this.#desks.findIndex((desk) => desk?.lives() === true && desk.group.status().role === 'leader')
    if (leader < 0) return
    this.#play.faults++
    this.#storm.crash(leader)
  }

  async judge(): Promise<void> {
    const play = this.#play
    const mesh = this.#mesh
    this.#failing = 0
    await play.until(mesh, 'everybody is back', () => this.#desks.every((desk) => desk !== undefined))
    for (let n = 0; n < 4; n++) this.#say()
    await play.ended(mesh, living(this.#publishing), 'every publication ends')
    await play.ended(mesh, living(this.#sent), 'every send ends')
    await mesh.advance(AFTERMATH)
    for (const { id, topic, number, readers } of this.#published) {
      const known = this.#ledger.at(topic, number)
      play.must(known === undefined || known === id, 'a publication has the number that its publisher was told', {
        ...{ id, topic, number, known }
      })
      for (const reader of readers) {
        const heard = !reader.lives() || reader.knows(topic, number)
        play.must(heard, 'what was published is heard', { reader: reader.name, id, topic, number })
      }
    }
    this.#judgeEnds()
    for (const { id, watched, lives } of this.#sent) {
      if (!lives()) continue
      const story = { id, error: watched.error?.code, message: watched.error?.message }
      if (this.#calm) play.must(watched.resolved, 'what was sent is handled', story)
      if (watched.resolved) play.must(this.#handled.has(id), 'what was acknowledged was handled', story)
    }
  }

  /** All who live have heard equally much. */
  #judgeEnds(): void {
    for (const topic of TOPICS) {
      const ends = this.#readers.filter((one) => one.lives() && one.last(topic) > 0).map((one) => one.last(topic))
      this.#play.must(new Set(ends).size <= 1, 'all hear as much in the end', { topic, ends })
    }
  }
}

function living(endings: readonly Ending<unknown>[]): Watched<unknown>[] {
  return endings.filter(({ lives }) => lives()).map(({ watched }) => watched)
}

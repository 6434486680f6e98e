import type { Agent } from '../../../src/agent/agent.ts'
import type { Receipt, SendOptions } from '../../../src/agent/types.ts'
import type { Node } from '../../../src/node/node.ts'
import type { DiskConditions } from '../../../src/testing/disk.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import type { Watched } from '../watched.ts'

/** What a message of an exchange says: which one it is. */
export interface Note {
  number: number
  /** Its handler gives it up for good, as long as the faults last. */
  poison: boolean
}

/** One message, and what its sender heard of it while it lived. */
export interface Posting {
  readonly note: Note
  readonly from: number
  readonly life: Node
  readonly options: SendOptions
  readonly sent: Watched<Receipt>
  /** Of the life that sent it: heard by nobody once that is over. */
  receipt: Receipt | undefined
  settled: Watched<Receipt> | undefined
}

/** What an exchange is told. */
export interface ExchangeOptions {
  /** Gives node `i` its agent named `worker`. */
  host(i: number, node: Node, lives: () => boolean): Promise<Agent>
  options(): SendOptions
  /** Called when a sender that lives hears of an end. */
  heard?(posting: Posting, receipt: Receipt): void
  /** Called with each burst, and with a sender that lives. */
  meanwhile?(sender: Node): void
}

/** Share of bursts in which a disk is ill, in which somebody crashes, and of messages that are poison. Guesses. */
const ILL = 0.2
const CRASH = 0.35
const POISON = 0.03
/** Messages of one burst, at most. */
const BURST = 12

/**
 * Nodes with disks, any of which may crash at any moment: some send, the others are the group that receives. A crash
 * takes with it what was not synced. What a sender heard is what its life heard.
 */
export class Exchange {
  readonly mesh: Mesh
  readonly postings: Posting[] = []
  readonly senders: readonly number[]
  readonly members: readonly number[]
  readonly workers: (Agent | undefined)[] = []
  readonly #play: Play
  readonly #options: ExchangeOptions
  readonly #storm: Storm
  readonly #agents: (Agent | undefined)[] = []

  private constructor(play: Play, mesh: Mesh, senders: number, nodes: number, options: ExchangeOptions) {
    this.#play = play
    this.mesh = mesh
    this.#options = options
    const all = Array.from({ length: nodes }, (_, i) => i)
    this.senders = all.slice(0, senders)
    this.members = all.slice(senders)
    this.#storm = new Storm(play, mesh, { nodes, victims: all, together: [], revive: (i) => this.#people(i) })
  }

  static async open(play: Play, options: ExchangeOptions): Promise<Exchange> {
    const { chance } = play
    const senders = 1 + chance.below(2)
    const nodes = senders + 1 + chance.below(3)
    const syncLatency = chance.pick([
      [0.2, 2],
      [1, 20]
    ] as const)
    const mesh = await play.mesh({ nodes, ...play.network(), disks: { syncLatency } })
    const exchange = new Exchange(play, mesh, senders, nodes, options)
    await mesh.run(Promise.all(mesh.nodes.map((_, i) => exchange.#people(i))))
    return exchange
  }

  /** Bursts of messages while links are cut, disks fail and everybody crashes; at the end all is well, and everybody there. */
  async trouble(ms: number): Promise<void> {
    await this.#storm.rage(ms, () => this.#burst())
  }

  post(): void {
    const { chance } = this.#play
    const from = chance.pick(this.senders)
    const agent = this.#agents[from]
    if (!this.#storm.isUp(from) || agent === undefined) return
    const options = this.#options.options()
    const note: Note = { number: this.postings.length, poison: chance.happens(POISON) }
    const what = `send ${note.number} from node-${from} ${JSON.stringify(options)}`
    const sending = agent.send('worker', note, options)
    const sent = this.#play.watch(this.mesh, what, sending)
    const life = this.mesh.nodes[from]!
    const posting: Posting = { note, from, life, options, sent, receipt: undefined, settled: undefined }
    this.postings.push(posting)
    const lives = this.#storm.lifeOf(from)
    const hear = (receipt: Receipt): void => {
      if (!lives()) return
      posting.receipt ??= receipt
      if (receipt.status !== 'stored') this.#options.heard?.(posting, receipt)
    }
    const follow = (receipt: Receipt): void => {
      hear(receipt)
      if (receipt.status !== 'stored') return
      posting.settled = this.#play.watch(this.mesh, `end of ${note.number}`, receipt.settled)
      receipt.settled.then(hear).catch(() => {})
    }
    sending.then(follow).catch(() => {})
  }

  /** Whether whoever sent it lives still, and so hears. */
  hears({ from, life }: Posting): boolean {
    return this.mesh.nodes[from] === life && this.#storm.isUp(from)
  }

  /** Puts the agents of a node there, also after a restart. */
  async #people(i: number): Promise<void> {
    const node = this.mesh.nodes[i]!
    const lives = this.#storm.lifeOf(i)
    this.#agents[i] = this.workers[i] = undefined
    const sends = this.senders.includes(i)
    const agent = await (sends ? node.agent('sender') : this.#options.host(i, node, lives))
    // It may have crashed meanwhile, and have another life by now.
    if (!lives()) return
    if (sends) this.#agents[i] = agent
    else this.workers[i] = agent
  }

  async #burst(): Promise<void> {
    const { chance } = this.#play
    const cure = chance.happens(ILL) ? this.#sicken(chance.below(this.mesh.nodes.length)) : undefined
    for (let i = chance.below(BURST); i >= 0; i--) this.post()
    const sender = chance.pick(this.senders)
    if (this.#storm.isUp(sender)) this.#options.meanwhile?.(this.mesh.nodes[sender]!)
    if (chance.happens(CRASH)) {
      // While something is on its way to a disk or a peer: that is where promises break.
      await this.mesh.advance(chance.between(0, chance.pick([2, 20, 100])))
      this.#play.faults++
      const victims = chance.happens(0.1) ? this.mesh.nodes.keys() : [chance.below(this.mesh.nodes.length)]
      for (const victim of victims) this.#storm.crash(victim)
    } else await this.mesh.advance(chance.between(0, 100))
    cure?.()
  }

  /** A disk whose syncs or writes fail, or that is full or read-only; returns what makes it well again. */
  #sicken(i: number): () => void {
    const { chance } = this.#play
    const disk = this.mesh.disk(i)
    const well = { ...disk }
    const share = chance.pick([0.1, 0.5, 1])
    const illness = chance.pick<Partial<DiskConditions>>([
      { syncFailure: share },
      { syncFailure: share },
      { writeFailure: share },
      { capacity: 0 },
      { readOnly: true }
    ])
    this.#play.faults++
    this.#play.note(this.mesh, `the disk of node-${i}: ${JSON.stringify(illness)}`)
    Object.assign(disk, illness)
    return () => {
      this.#play.note(this.mesh, `the disk of node-${i} is well`)
      Object.assign(disk, well)
    }
  }
}

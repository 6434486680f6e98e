import type { Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Message } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Agent } from '../agent/agent.ts'
import { checkWait, checkWaitKeys } from '../agent/options.ts'
import type { AgentHandlers, Target, WaitOptions } from '../agent/types.ts'
import type { Counters } from '../core/flow/counters.ts'
import type { RateLimits } from '../runtime/rates/types.ts'
import type { AgentLocation } from './atlas.ts'
import type { NodeConfig } from './config.ts'
import type { ConsensusGroup, OpenConsensus } from './consensus/types.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { AgentChange, NodeEvent } from './events.ts'
import { type Explanation, explain } from './explain.ts'
import { preferredFormats } from './formats.ts'
import type { Node, Peer, StopOptions } from './node.ts'
import type { Pipeline } from './pipeline.ts'
import type { PipelineFeed } from './pipeline-feed.ts'
import type { PipelineOptions } from './pipeline-options.ts'
import { rateLimits } from './rate-limits.ts'
import type { Services } from './services.ts'
import { bounded } from './waiting.ts'

/** A guess: one delivery timeout. */
const STOP_TIMEOUT = 5_000
/** ms that `stop` keeps back for leaving and closing, or half of its time where that is less, whatever draining takes. */
const LEAVE_TIME = 1_000

/** The node that people hold: what it can do is in `Services`, what it may do now in its state. */
export class MeshNode implements Node {
  readonly config: NodeConfig
  readonly name: string
  readonly peerId: PeerId
  readonly pipelines: { get(id: string): PipelineFeed }
  readonly deadLetters: DeadLetters
  readonly rateLimits: RateLimits
  readonly consensus: OpenConsensus
  readonly #services: Services
  readonly #libp2p: Libp2p | undefined
  #state: Node['state'] = 'stopped'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(config: NodeConfig, services: Services, libp2p: Libp2p | undefined) {
    this.config = config
    this.#services = services
    this.#libp2p = libp2p
    const { peer } = services.host
    this.name = services.name
    this.peerId = peerIdFromString(peer)
    this.pipelines = { get: (id) => services.pipelines.get(id) }
    this.deadLetters = this.#deadLetters(services.delivery.letters)
    this.rateLimits = rateLimits(services.rates, () => this.#running())
    const open: OpenConsensusLoosely = async (group, options) => {
      this.#running()
      return services.consensus.open(group, options)
    }
    // What a group holds, and so what it is, follows from the machine in its options.
    this.consensus = open as OpenConsensus
  }

  get state(): Node['state'] {
    return this.#state
  }

  get multiaddrs(): Multiaddr[] {
    return this.#services.host.addresses().map((address) => multiaddr(address))
  }

  get libp2p(): Libp2p {
    if (this.#libp2p === undefined) throw new MeshError('ERR_UNSUPPORTED', 'a simulated node has no libp2p underneath')
    return this.#libp2p
  }

  start(): Promise<void> {
    if (this.#stopping !== undefined)
      return Promise.reject(new MeshError('ERR_STOPPED', 'a stopped node does not start again'))
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    this.#state = 'starting'
    try {
      await this.#services.start()
      if (this.#state === 'starting') this.#state = 'started'
    } catch (error) {
      this.#state = 'stopped'
      await this.#services.close().catch(() => {})
      throw error
    }
  }

  ready(options: WaitOptions & { peers?: number } = {}): Promise<void> {
    try {
      this.#running()
      const { peers = 1 } = options
      checkWait(options)
      checkWaitKeys(options, 'peers')
      if (!Number.isSafeInteger(peers) || peers < 0) {
        throw new MeshError('ERR_CONFIG', 'peers must be a whole number, not negative', { details: { key: 'peers' } })
      }
      const waiting = new AbortController()
      const joined = this.#services.membership.joined(peers, { signal: waiting.signal })
      return bounded(joined, this.#services.clock, options).finally(() => waiting.abort())
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async agent(name: string, handlers: AgentHandlers = {}, options: WaitOptions = {}): Promise<Agent> {
    this.#running()
    return this.#services.agents.register(name, handlers, options)
  }

  peers(): Peer[] {
    const { membership, host } = this.#services
    const agents = Map.groupBy(this.#services.atlas.locations(undefined, []), ({ peer }) => peer)
    return Array.from(membership.members(), ({ record: { peer, name, region, zone } }) => ({
      peerId: peer,
      name,
      region,
      zone,
      rtt: membership.rtt(peer),
      agents: [...new Set(agents.get(peer)?.map((agent) => agent.name))],
      transport: host.transportTo(peer)
    }))
  }

  agents(name?: string): AgentLocation[] {
    return [...this.#services.atlas.locations(name, this.#services.registry)]
  }

  monitor(name: string, options: { signal?: AbortSignal } = {}): AsyncIterableIterator<AgentChange & { at: number }> {
    return this.#services.events.read(options.signal, (event): event is AgentChange & { at: number } => {
      return isAgentChange(event) && event.name === name
    })
  }

  explain(message: Partial<Message> & { data: unknown }, target: Target): Explanation {
    const { router, host, clock, composer } = this.#services
    const parts = { router, host, clock, formats: preferredFormats(this.config), debug: this.config.debug }
    return explain(parts, message, target, composer.sizeOf(message.data))
  }

  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<NodeEvent> {
    return this.#services.events.read(options.signal)
  }

  counters(): Counters {
    return { ...this.#services.counters }
  }

  async flush(): Promise<void> {
    this.#services.pubsub.flush()
    this.#services.links.flush()
  }

  async pipeline(id: string, options: PipelineOptions, wait: WaitOptions = {}): Promise<Pipeline> {
    this.#running()
    checkWait(wait)
    checkWaitKeys(wait)
    return this.#services.pipelines.create(id, options, wait)
  }

  consensusGroups(): ConsensusGroup[] {
    return this.#services.consensus.all
  }

  #deadLetters(letters: DeadLetters): DeadLetters {
    return {
      list: (options) => {
        this.#running()
        if (options !== undefined) checkWaitKeys(options, 'agent')
        return letters.list(options)
      },
      replay: async (id) => {
        this.#running()
        return letters.replay(id)
      },
      drop: async (id) => {
        this.#running()
        return letters.drop(id)
      }
    }
  }

  stop(options: StopOptions = {}): Promise<void> {
    try {
      checkWait({ timeout: options.timeout })
      checkWaitKeys(options, 'drain')
    } catch (error) {
      return Promise.reject(error)
    }
    this.#stopping ??= this.#stop(options)
    return this.#stopping
  }

  async #stop({ drain = true, timeout = STOP_TIMEOUT }: StopOptions): Promise<void> {
    const started = this.#state === 'started'
    this.#state = 'stopping'
    const { clock } = this.#services
    const late = (): MeshError => new MeshError('ERR_TIMEOUT', `not stopped within ${timeout} ms`)
    const end = clock.monotonic() + timeout
    if (started && drain) {
      const forDraining = Math.max(timeout / 2, timeout - LEAVE_TIME)
      await bounded(this.#services.drained(), clock, { timeout: forDraining }).catch(() => {})
    }
    await bounded(
      this.#services.close(),
      clock,
      { timeout: Math.max(LEAVE_TIME, end - clock.monotonic()) },
      late
    ).catch(() => {})
    this.#state = 'stopped'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ drain: true })
  }

  #running(): void {
    if (this.#stopping !== undefined) throw new MeshError('ERR_STOPPED', 'the node is stopped')
    if (this.#state !== 'started') throw new MeshError('ERR_STOPPED', 'the node was not started: call start()')
  }
}

type OpenConsensusLoosely = (...given: Parameters<OpenConsensus>) => Promise<ConsensusGroup>

function isAgentChange(event: NodeEvent): event is AgentChange & { at: number } {
  return event.kind === 'agent-up' || event.kind === 'agent-down' || event.kind === 'agent-moved'
}

import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Message } from '../../protocols/envelope/message.ts'
import type { Agent } from '../agent/agent.ts'
import type { AgentHandlers, Target, WaitOptions } from '../agent/types.ts'
import type { Counters } from '../core/flow/counters.ts'
import type { RateLimits } from '../runtime/rates/types.ts'
import type { AgentLocation } from './atlas.ts'
import type { NodeConfig } from './config.ts'
import type { ConsensusGroup, OpenConsensus } from './consensus/types.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { AgentChange, NodeEvent } from './events.ts'
import type { Explanation } from './explain.ts'
import type { Pipeline } from './pipeline.ts'
import type { PipelineFeed } from './pipeline-feed.ts'
import type { PipelineOptions } from './pipeline-options.ts'
import type { Placement } from './placement/types.ts'

/** Another host of the mesh, as this node sees it. */
export interface Peer {
  peerId: string
  name: string
  region: string | undefined
  zone: string | undefined
  /** Smoothed round trip, ms; undefined until one was measured. */
  rtt: number | undefined
  /** Names of the agents that live there. */
  agents: string[]
  /** `'tcp'`, `'relay'`, `'memory'`; undefined where there is no connection. */
  transport: string | undefined
}

export interface StopOptions {
  /** Waits for what is being handled and for acknowledgements, within the timeout. Default true. */
  drain?: boolean | undefined
  /** ms for all of it. Default 5,000 (a guess: one delivery timeout). */
  timeout?: number | undefined
}

/**
 * One agent host of the mesh. Made by `createNode`, or by `createMesh` in a simulation.
 */
export interface Node extends AsyncDisposable {
  /** The label given, or the end of the PeerId. */
  readonly name: string
  readonly peerId: PeerId
  /** What another node puts into `bootstrap`: each ends in /p2p/<PeerId>. */
  readonly multiaddrs: Multiaddr[]
  /** The libp2p host underneath; undefined in a simulated mesh. */
  readonly libp2p: Libp2p
  readonly config: NodeConfig
  readonly state: 'stopped' | 'starting' | 'started' | 'stopping'

  /** Listens and joins. Throws `ERR_LISTEN`, `ERR_STOPPED` (a node that was stopped does not start again). */
  start(): Promise<void>
  /**
   * Resolves once membership and directory were exchanged both ways with `peers` others, default 1: messages to their agents can be
   * routed. `timeout` in ms, default none. Rejects with `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_CONFIG`, `ERR_STOPPED`.
   *
   * @example
   * await node.ready({ peers: 2, timeout: 10_000 })
   */
  ready(options?: WaitOptions & { peers?: number }): Promise<void>
  /**
   * Registers an instance of an agent; resolves once the mesh can find it. Rejects with `ERR_CONFIG` naming the key, `ERR_LIMIT`
   * (`limits.agents`), `ERR_TIMEOUT`, `ERR_ABORTED`: then nothing is registered.
   *
   * @example
   * const planner = await node.agent('planner', { receive: ({ data }) => plan(data), handle: { 'plan.make': ({ data }) => make(data) } })
   */
  agent(name: string, handlers?: AgentHandlers, options?: WaitOptions): Promise<Agent>
  /**
   * The others in the mesh, as this node sees them now; none before it has joined.
   *
   * @example
   * for (const { name, rtt } of node.peers()) console.log(name, rtt) // ms
   */
  peers(): Peer[]
  /**
   * Where agents, of that name or of any, live as this node knows it now, its own included. Of a mesh with more than
   * `limits.members` hosts it knows those in its view.
   *
   * @example
   * const hosts = node.agents('worker').map(({ host }) => host)
   */
  agents(name?: string): AgentLocation[]
  /**
   * What happens to the agents of a name from now on: `agent-up`, `agent-down`, `agent-moved`; `at` in wall-clock ms. Ends with the node, the loop or
   * `signal`.
   *
   * @example
   * for await (const { kind, peer } of node.monitor('worker')) console.log(kind, peer)
   */
  monitor(name: string, options?: { signal?: AbortSignal }): AsyncIterableIterator<AgentChange & { at: number }>
  /**
   * How a message would travel now, and why; sends nothing. Throws `ERR_CONFIG` for what is no target, `ERR_UNREPRESENTABLE` and
   * `ERR_MESSAGE_TOO_LARGE` as sending would.
   *
   * @example
   * const { member, transport } = node.explain({ type: 'job.run', data: { job: 7 } }, 'worker')
   * console.log(member?.peer, transport.chosen, transport.reason)
   */
  explain(message: Partial<Message> & { data: unknown }, target: Target): Explanation
  /**
   * What happens on this node from now on, `at` in wall-clock ms; see `NodeEvent`. Ends with the node, the loop or `signal`. A reader that is slow
   * loses the oldest: 1,024 wait for it.
   *
   * @example
   * for await (const event of node.events()) if (event.kind === 'dead-letter') console.warn(event.agent, event.code)
   */
  events(options?: { signal?: AbortSignal }): AsyncIterableIterator<NodeEvent>
  /**
   * How many messages did not go their plain way since the node started: dropped, refused, spilled, redirected, shed. By name;
   * see `Counters`.
   *
   * @example
   * const { dropped, shed } = node.counters()
   */
  counters(): Counters
  /**
   * Gives every batch to its link now, as far as that has credit, instead of at the end of the turn. Waits for nobody: that a
   * message has come is for its receipt to say.
   *
   * @example
   * await node.flush()
   */
  flush(): Promise<void>
  /**
   * Makes this node the coordinator of a pipeline; resolves once the mesh can find it. Rejects with `ERR_CONFIG` naming
   * the key, `ERR_ALREADY_REGISTERED` (the mesh has one of that id), `ERR_LIMIT`, `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_STOPPED`.
   *
   * @example
   * const pipeline = await node.pipeline('ingest', { stages: [{ name: 'parse', agent: 'parser', concurrency: 8 }] })
   * for await (const result of pipeline.process(source)) use(result)
   */
  pipeline(id: string, options: PipelineOptions, wait?: WaitOptions): Promise<Pipeline>
  /**
   * Pipelines by their id, wherever they are coordinated.
   *
   * @example
   * await node.pipelines.get('ingest').send(item)
   */
  readonly pipelines: { get(id: string): PipelineFeed }
  /** What was accepted and given up. */
  readonly deadLetters: DeadLetters
  /** Token buckets, this node's own and those that it shares. */
  readonly rateLimits: RateLimits
  /**
   * Takes part in a group of hosts that agree (Raft): as a member where `voters` or `learners` name this node, else as a client. Each
   * host makes the same call; the same name again gives the same group. `voters` counts at the first start only. Rejects with
   * `ERR_CONFIG` naming the key, `ERR_VOTERS_MISMATCH` (the list is neither the first one nor what `changeVoters` made of it), `ERR_CORRUPT`
   * (something is missing on the disk that the others rely on), `ERR_STORAGE`, `ERR_STOPPED`.
   *
   * @example
   * const config = await node.consensus('config', { voters: [a, b, c] })
   * await config.propose('limits.max', 40)
   * await config.read('limits.max') // 40, on whichever host
   */
  readonly consensus: OpenConsensus
  /** The groups that this node has opened, by their names. */
  consensusGroups(): ConsensusGroup[]
  /** At which host agents are that registered with `placed`, and how they move. */
  readonly placement: Placement
  /**
   * Leaves the mesh. Bounded by `timeout` in any state; never ends the process. Safe to call twice. Rejects with `ERR_CONFIG`.
   *
   * @example
   * await node.stop({ drain: true, timeout: 5_000 })
   */
  stop(options?: StopOptions): Promise<void>
}

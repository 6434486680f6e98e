import type { ReceiveContext } from '../agent/context.ts'
import type { Handling } from '../agent/handling.ts'
import type { Counters } from '../core/flow/counters.ts'
import type { Router } from '../core/routing/router.ts'
import { CausalDriver } from '../runtime/causality/driver.ts'
import type { Alarm } from '../runtime/delivery/alarm.ts'
import type { Composer } from '../runtime/delivery/composer.ts'
import type { Directory } from '../runtime/directory/types.ts'
import { LinkTable } from '../runtime/links/table.ts'
import { bootstrapFile } from '../runtime/membership/bootstrap.ts'
import { createMembership } from '../runtime/membership/create.ts'
import type { MembershipDriver } from '../runtime/membership/types.ts'
import type { OrderingGroups } from '../runtime/ordering/types.ts'
import { DEFAULT_LIMITS } from '../runtime/pubsub/limits.ts'
import { createPubSub } from '../runtime/pubsub/pubsub.ts'
import type { PubSub } from '../runtime/pubsub/types.ts'
import type { SpillFolders } from '../runtime/storage/spill-folders.ts'
import type { Coalescer } from '../runtime/telemetry/coalesce.ts'
import { agentNode } from './agent-node.ts'
import { Agents } from './agents.ts'
import type { Atlas } from './atlas.ts'
import type { Caller } from './caller.ts'
import type { NodeConfig } from './config.ts'
import { ConsensusGroups } from './consensus/groups.ts'
import type { Delivery } from './delivery.ts'
import type { AgentChange, EventHub, NodeEvent, NodeEventBody } from './events.ts'
import type { Forwarder } from './forwarder.ts'
import type { LoadShedder } from './load-shedder.ts'
import { Mailboxes } from './mailboxes.ts'
import type { Persistence } from './persistence.ts'
import { numberPublication, Publications, publicationCodec } from './publishing.ts'
import type { AgentRegistry } from './registry.ts'
import { Resolver } from './resolver.ts'
import { subscriptionOverflow } from './subscription-overflow.ts'
import type { World } from './world.ts'

/** What every part of a node stands on. */
interface Ground {
  config: NodeConfig
  world: World
  emit: (event: NodeEventBody) => void
}

/** Bytes that a frame may have here: a message, and what is said of it. */
function maxFrameOf({ limits }: NodeConfig): number {
  return limits.messageBytes + 65_536
}

export function createLinks({ config, world, emit }: Ground, heard: (peer: string) => void): LinkTable {
  const { limits, formats } = config
  const { network, clock, dice } = world
  return new LinkTable({
    host: network.host,
    clock,
    dice,
    formats,
    limits: {
      queueBytes: limits.linkQueueBytes,
      window: { frames: limits.creditMessages, bytes: limits.creditBytes },
      maxFrame: maxFrameOf(config),
      streamsPerPeer: limits.streamsPerPeer,
      handshakeTimeout: limits.handshakeTimeout,
      readTimeout: limits.readTimeout,
      idleTimeout: limits.idleTimeout
    },
    onEvent: emit,
    onHeard: heard
  })
}

/** The view of the mesh; `name`: what the others call this node. */
export function createView({ config, world, emit }: Ground, links: LinkTable, name: string): MembershipDriver {
  const { limits, bootstrap, bootstrapFile: file, region, zone } = config
  const { network, clock, dice } = world
  return createMembership({
    host: network.host,
    links,
    clock,
    dice,
    self: { name, region, zone },
    report: (error) => emit({ kind: 'bootstrap-failed', code: error.code, message: error.message }),
    options: {
      bootstrap: file === undefined ? bootstrap : bootstrapFile(file),
      failureTimeout: limits.failureTimeout,
      maxMembers: limits.members,
      fullMeshLimit: limits.fullMesh
    }
  })
}

export function createOrder(
  { config, world, emit }: Ground,
  links: LinkTable,
  membership: MembershipDriver
): CausalDriver {
  const { causalGapTimeout: gapTimeout, causalWaiting: waiting, causalWaitingBytes: waitingBytes } = config.limits
  const { network, clock } = world
  const limits = { gapTimeout, waiting, waitingBytes }
  return new CausalDriver({ self: network.host.peer, clock, links, membership, limits, emit })
}

interface ResolverParts {
  router: Router
  membership: MembershipDriver
  directory: Directory
  counters: Counters
}

export function createResolver({ config, world }: Ground, { counters, ...parts }: ResolverParts): Resolver {
  const { network, clock } = world
  const throttled = (): void => {
    counters.throttled++
  }
  return new Resolver({ ...parts, clock, host: network.host, resolveTimeout: config.limits.resolveTimeout, throttled })
}

interface ConsensusParts {
  links: LinkTable
  membership: MembershipDriver
  registry: AgentRegistry
  persistence: Persistence
  events: EventHub<NodeEvent>
  agents(): Agents
}

export function createConsensus({ config, world, emit }: Ground, parts: ConsensusParts): ConsensusGroups {
  const { network, clock, dice } = world
  const { links, membership, registry, persistence, events, agents } = parts
  return new ConsensusGroups({
    ...{ self: network.host.peer, clock, dice, links, membership, emit },
    maxFrame: maxFrameOf(config),
    store: () => persistence.store,
    marks: world.marks,
    mayHave: (agent, peer) => agents().mayHave(agent, peer),
    hasAgent: ({ name, instance }) => [...registry].some((one) => one.name === name && one.instance === instance),
    closings: ({ name, instance }, signal) =>
      events.read(signal, (event): event is NodeEvent & AgentChange => {
        if (event.kind !== 'agent-down' || event.peer !== network.host.peer) return false
        return event.name === name && event.instance === instance
      })
  })
}

interface PublishSubscribeParts {
  links: LinkTable
  membership: MembershipDriver
  order: CausalDriver
  router: Router
  lineage: string
  counters: Counters
  atMostOnce: Parameters<typeof subscriptionOverflow>[0]['atMostOnce']
  spills: () => SpillFolders | undefined
  groups: OrderingGroups
}

export function createPublishSubscribe({ config, world, emit }: Ground, parts: PublishSubscribeParts): PubSub {
  const { limits } = config
  const { network, clock, dice } = world
  const { links, membership, order, router, lineage, counters, atMostOnce, spills, groups } = parts
  const { host, broadcast } = network
  return createPubSub({
    ...{ membership, links, broadcast, host, clock, dice, order, emit, report: emit },
    ordering: { groups, number: numberPublication },
    codec: publicationCodec(),
    overflow: subscriptionOverflow({
      ...{ self: host.peer, lineage, limits, clock, counters, spills, atMostOnce },
      knows: (agent) => router.has(agent)
    }),
    limits: {
      directFanout: limits.directFanout,
      messageBytes: limits.messageBytes,
      subscriptions: limits.subscriptions,
      log: { ...DEFAULT_LIMITS.log, retention: limits.retention }
    }
  })
}

interface AgentsParts {
  membership: MembershipDriver
  directory: Directory
  registry: AgentRegistry
  atlas: Atlas
  composer: Composer
  alarm: Alarm<ReceiveContext>
  handling: Handling
  shedder: LoadShedder
  resolver: Resolver
  router: Router
  delivery: Delivery
  caller: Caller
  pubsub: PubSub
  counters: Counters
  coalescer: Coalescer
  forwarder: Forwarder
  persistence: Persistence
  consensus: ConsensusGroups
}

export function createAgents({ config: { limits }, world, emit }: Ground, parts: AgentsParts): Agents {
  const { membership, directory, registry, atlas, composer, alarm, handling, shedder } = parts
  const { resolver, router, delivery, caller, pubsub, counters, coalescer, forwarder, persistence, consensus } = parts
  const { network, clock, dice } = world
  const { peer } = network.host
  const { groupFor } = consensus
  return new Agents({
    ...{ self: peer, clock, dice, limits, emit, groupFor },
    coordinator: (group) => consensus.coordinator(group),
    ...{ membership, directory, registry, router, atlas, composer, alarm, handling, shedder },
    home: () => persistence.state,
    mailboxes: new Mailboxes({
      ...{ counters, coalescer, emit },
      spills: () => persistence.spills,
      forwarder: () => forwarder
    }),
    node: agentNode({
      ...{ peer, clock, resolver, delivery, caller, pubsub, publications: new Publications(composer, groupFor) },
      requestTimeout: limits.requestTimeout
    })
  })
}

import { IdSource } from '../../protocols/envelope/id.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { ReceiveContext } from '../agent/context.ts'
import { Handling } from '../agent/handling.ts'
import { Counters } from '../core/flow/counters.ts'
import { Router } from '../core/routing/router.ts'
import type { CausalDriver } from '../runtime/causality/driver.ts'
import { Alarm } from '../runtime/delivery/alarm.ts'
import { Composer } from '../runtime/delivery/composer.ts'
import { IdempotentReceiver } from '../runtime/delivery/idempotent-receiver.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import { LocalBus } from '../runtime/delivery/local-bus.ts'
import { PointToPoint } from '../runtime/delivery/point-to-point.ts'
import { RequestResponse } from '../runtime/delivery/request-response.ts'
import { createDirectory } from '../runtime/directory/directory.ts'
import type { Directory } from '../runtime/directory/types.ts'
import type { LinkTable } from '../runtime/links/table.ts'
import type { MembershipDriver } from '../runtime/membership/types.ts'
import { Sequencer } from '../runtime/ordering/sequencer.ts'
import type { Clock, Host } from '../runtime/ports.ts'
import type { PubSub } from '../runtime/pubsub/types.ts'
import { Rates } from '../runtime/rates/rates.ts'
import type { Store } from '../runtime/storage/types.ts'
import { Coalescer } from '../runtime/telemetry/coalesce.ts'
import type { Agents } from './agents.ts'
import { Atlas } from './atlas.ts'
import { Caller } from './caller.ts'
import type { NodeConfig } from './config.ts'
import { CONTROL_PLANE, type ConsensusGroups } from './consensus/groups.ts'
import { Delivery } from './delivery.ts'
import { EventHub, type NodeEvent, type NodeEventBody } from './events.ts'
import {
  createAgents,
  createConsensus,
  createLinks,
  createOrder,
  createPublishSubscribe,
  createResolver,
  createView
} from './fabric.ts'
import { preferredFormats } from './formats.ts'
import { Forwarder } from './forwarder.ts'
import { LoadReport } from './load-report.ts'
import { LoadShedder } from './load-shedder.ts'
import { lossesOf, lost } from './losses.ts'
import { Persistence } from './persistence.ts'
import { pipelineCalls } from './pipeline-calls.ts'
import type { PipelineEvent } from './pipeline-port.ts'
import { Pipelines } from './pipelines.ts'
import { AgentRegistry } from './registry.ts'
import type { Resolver } from './resolver.ts'
import type { World } from './world.ts'

/** The parts of a node, wired: who knows whom is said here and nowhere else. */
export class Services {
  readonly name: string
  readonly host: Host
  readonly clock: Clock
  readonly events = new EventHub<NodeEvent>()
  readonly counters = new Counters()
  readonly links: LinkTable
  readonly membership: MembershipDriver
  readonly directory: Directory
  readonly router: Router
  readonly atlas: Atlas
  readonly registry: AgentRegistry
  readonly composer: Composer
  readonly agents: Agents
  readonly pubsub: PubSub
  readonly order: CausalDriver
  readonly pipelines: Pipelines
  readonly rates: Rates
  readonly consensus: ConsensusGroups
  readonly #config: NodeConfig
  readonly #world: World
  readonly #pointToPoint: PointToPoint
  readonly #receiver: IdempotentReceiver
  readonly #sequencer: Sequencer
  readonly #requests: RequestResponse
  readonly delivery: Delivery
  readonly #caller: Caller
  readonly #alarm: Alarm<ReceiveContext>
  readonly #handling = new Handling()
  #closing = false
  readonly #persistence: Persistence
  readonly #coalescer: Coalescer
  readonly #forwarder: Forwarder
  readonly #shedder: LoadShedder
  readonly #resolver: Resolver
  readonly #load: LoadReport | undefined

  constructor(config: NodeConfig, world: World) {
    const { network, clock, dice } = world
    const { host } = network
    this.#config = config
    this.#world = world
    this.host = host
    this.clock = clock
    this.name = config.name ?? host.peer.slice(-8)
    this.#persistence = new Persistence(world, config.limits.spillBytes, this.#emit)
    this.#coalescer = new Coalescer(clock)
    const ground = { config, world, emit: this.#emit }
    this.links = createLinks(ground, (peer) => this.membership.heard(peer))
    this.membership = createView(ground, this.links, this.name)
    this.directory = createDirectory({
      host,
      routing: network.routing,
      clock,
      ownRecord: () => this.membership.signedRecord(host.peer)
    })
    const self = { peer: host.peer, region: config.region, zone: config.zone }
    const random = (): number => dice.random()
    this.router = new Router({ self, random, events: { push: this.#emit } })
    this.atlas = new Atlas(this.membership, this.router, clock, this.#emit)
    const telling = { counters: this.counters, coalescer: this.#coalescer, emit: this.#emit }
    this.#shedder = new LoadShedder({ clock, ...telling })
    this.registry = new AgentRegistry(host.peer, config.limits.agents, this.#shedder, (inbound, error) =>
      lost(telling, inbound.target, inbound, error)
    )
    this.composer = new Composer(
      new IdSource(dice.bytes(8)),
      this.links.turn,
      preferredFormats(config),
      config.limits.messageBytes
    )
    this.#alarm = new Alarm(clock, (context) => context.late?.())
    this.consensus = createConsensus(ground, {
      ...{ links: this.links, membership: this.membership, registry: this.registry },
      ...{ persistence: this.#persistence, events: this.events, agents: () => this.agents }
    })
    this.#sequencer = new Sequencer({
      ...{ clock, gapTimeout: config.limits.totalGapTimeout, emit: this.#emit },
      deliver: this.registry.deliver
    })
    this.#receiver = new IdempotentReceiver({
      store: () => this.store,
      turn: this.links.turn,
      deliver: this.#sequencer.deliver,
      entropy: Buffer.from(dice.bytes(4)).readInt32LE()
    })
    this.order = createOrder(ground, this.links, this.membership)
    const losses = lossesOf(this.counters, this.#emit)
    this.#pointToPoint = new PointToPoint({
      clock,
      turn: this.links.turn,
      deliver: this.registry.deliver,
      recognise: (inbound) => this.#receiver.receive(inbound),
      order: this.order,
      late: losses.late,
      orphaned: (reason) => this.#handling.orphaned(reason),
      dropped: losses.dropped
    })
    this.#requests = new RequestResponse(clock, random, this.composer, this.registry.serve)
    this.links.register(this.#pointToPoint)
    this.links.register(this.#requests)
    const bus = new LocalBus(clock)
    const { router, membership, directory, counters } = this
    this.#resolver = createResolver(ground, { router, membership, directory, counters })
    const shared = {
      self: host.peer,
      clock,
      links: this.links,
      router: this.router,
      resolver: this.#resolver,
      composer: this.composer,
      bus
    }
    const sending = {
      ...shared,
      pointToPoint: this.#pointToPoint,
      order: this.order,
      deliver: this.registry.deliver,
      transportTo: (peer: string) => (peer === host.peer ? 'local' : (host.transportTo(peer) ?? 'tcp'))
    }
    this.#forwarder = new Forwarder({ ...sending, deliver: this.registry.deliver })
    this.delivery = new Delivery({
      ...sending,
      deliver: this.#arrive,
      ...{ random, limits: config.limits, emit: this.#emit },
      store: () => this.store,
      ...{ groups: this.consensus, nonce: () => Buffer.from(dice.bytes(16)).toString('base64url') },
      feed: (pipeline, item) => this.pipelines.get(pipeline).send(item)
    })
    this.#caller = new Caller({ ...shared, requests: this.#requests, serve: this.registry.serve })
    this.pubsub = createPublishSubscribe(ground, {
      ...{ links: this.links, membership: this.membership, order: this.order, router: this.router },
      ...{ lineage: this.composer.lineage, counters: this.counters, atMostOnce: this.delivery },
      ...{ spills: () => this.#persistence.spills, groups: this.consensus }
    })
    const first = config.bootstrap.length === 0 && config.bootstrapFile === undefined
    this.rates = new Rates({ clock, links: this.links, membership: this.membership, first })
    this.agents = createAgents(ground, {
      ...{ membership: this.membership, directory: this.directory, registry: this.registry, atlas: this.atlas },
      ...{ composer: this.composer, alarm: this.#alarm, handling: this.#handling, shedder: this.#shedder },
      ...{
        resolver: this.#resolver,
        router: this.router,
        delivery: this.delivery,
        caller: this.#caller,
        pubsub: this.pubsub
      },
      ...{ counters: this.counters, coalescer: this.#coalescer, forwarder: this.#forwarder },
      ...{ persistence: this.#persistence, consensus: this.consensus }
    })
    this.#load = world.load && new LoadReport(this.membership, clock, world.load)
    const port = pipelineCalls({
      self: host.peer,
      lineage: this.composer.lineage,
      limits: config.limits,
      router: this.router,
      agents: this.agents,
      caller: this.#caller
    })
    const events = (event: PipelineEvent): void => {
      this.#emit(event)
      if (event.kind === 'pipeline-dead-letter') void this.delivery.letters.buryItem(event)
    }
    this.pipelines = new Pipelines({ port, clock, dice, events })
    host.onConnect = (peer) => {
      this.links.reachable(peer)
      this.membership.connected(peer)
    }
    host.onDisconnect = (peer) => this.membership.disconnected(peer)
    host.roundTrip = (peer) => this.membership.rtt(peer)
  }

  get store(): Store {
    return this.#persistence.store
  }

  async start(): Promise<void> {
    await this.#persistence.open()
    await this.delivery.load()
    await this.pubsub.open({ store: this.store, disk: this.#world.disk?.folder('publications') })
    await this.host.start()
    if (!this.#closing) await this.membership.start()
    if (this.#closing) throw new MeshError('ERR_STOPPED', 'the node was stopped while it started')
    const { voters } = this.#config.controlPlane
    if (voters.length > 0) await this.consensus.open(CONTROL_PLANE, { voters })
    this.directory.start()
    this.#load?.start()
    // A simulation's event loop is never late: its time stands still meanwhile.
    if (this.#load !== undefined) this.#shedder.start()
  }

  /** Resolves once nothing waits for its way out, for an acknowledgement, for what it follows or for a handler. */
  async drained(): Promise<void> {
    this.pubsub.flush()
    this.links.flush()
    await this.delivery.drained()
    const waiting = () => this.order.waiting + this.#sequencer.waiting
    const busy = () => this.links.waiting || waiting() > 0 || [...this.registry].some(({ inbox }) => inbox.pending > 0)
    while (!this.#closing && busy()) {
      await new Promise<void>((resolve) => this.clock.after(5, resolve))
    }
    await this.#receiver.quiet()
  }

  /** Says farewell and lets go of everything; each step is bounded by its own. */
  async close(): Promise<void> {
    this.#closing = true
    const stopped = new MeshError('ERR_STOPPED', 'the node is stopped')
    this.#handling.stop(stopped)
    this.#sequencer.stop()
    await this.pipelines.close({ drain: false }).catch(() => {})
    await this.pubsub.stop().catch(() => {})
    this.rates.stop()
    // Others need not wait until what this node holds has run out.
    await this.consensus.letGo()
    this.consensus.stop()
    this.directory.stop()
    await this.membership.stop({ leave: true }).catch(() => {})
    this.agents.stop()
    this.#load?.stop()
    this.#shedder.stop()
    this.delivery.stop()
    this.#caller.stop()
    this.#requests.stop()
    this.#pointToPoint.stop()
    this.order.stop()
    this.#alarm.stop()
    this.atlas.stop()
    this.#coalescer.stop()
    await this.links.stop()
    this.#handling.end(stopped)
    // What was handled is recorded, though nobody hears of it in this life any longer.
    await this.#receiver.quiet()
    await this.host.stop()
    await this.#persistence.close()
    this.events.close()
  }

  /** Takes what an agent of this node sent to another. */
  readonly #arrive = (inbound: Inbound): void => {
    if (inbound.place === undefined) this.registry.deliver(inbound)
    else this.#receiver.receive(inbound)
  }

  readonly #emit = (event: NodeEventBody): void => {
    const told = { at: this.clock.now(), ...event }
    this.#world.log?.(told)
    this.events.emit(told)
    if (event.kind === 'agent-up') this.delivery.wake(event.name)
  }
}

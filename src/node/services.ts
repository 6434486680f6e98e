import { IdSource } from '../../protocols/envelope/id.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { ReceiveContext } from '../agent/context.ts'
import { currentTrace } from '../agent/current.ts'
import { Handling } from '../agent/handling.ts'
import { sourceOf } from '../agent/source.ts'
import { HostState, SharedState, type StateHome } from '../agent/state-home.ts'
import { Counters } from '../core/flow/counters.ts'
import { Router } from '../core/routing/router.ts'
import { CausalDriver } from '../runtime/causality/driver.ts'
import { Alarm } from '../runtime/delivery/alarm.ts'
import { Composer } from '../runtime/delivery/composer.ts'
import { IdempotentReceiver } from '../runtime/delivery/idempotent-receiver.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import { LocalBus } from '../runtime/delivery/local-bus.ts'
import { PointToPoint } from '../runtime/delivery/point-to-point.ts'
import { RequestResponse } from '../runtime/delivery/request-response.ts'
import { createDirectory } from '../runtime/directory/directory.ts'
import type { Directory } from '../runtime/directory/types.ts'
import { LinkTable } from '../runtime/links/table.ts'
import { bootstrapFile } from '../runtime/membership/bootstrap.ts'
import { createMembership } from '../runtime/membership/create.ts'
import type { MembershipDriver } from '../runtime/membership/types.ts'
import type { Clock, Coordinator, Dice, Disk, Host, Network } from '../runtime/ports.ts'
import { DEFAULT_LIMITS } from '../runtime/pubsub/limits.ts'
import { createPubSub } from '../runtime/pubsub/pubsub.ts'
import type { PubSub } from '../runtime/pubsub/types.ts'
import { Rates } from '../runtime/rates/rates.ts'
import { createMemoryStore } from '../runtime/storage/memory-store.ts'
import { SpillFolders } from '../runtime/storage/spill-folders.ts'
import { openStore } from '../runtime/storage/store.ts'
import type { Store } from '../runtime/storage/types.ts'
import { Coalescer } from '../runtime/telemetry/coalesce.ts'
import { Agents } from './agents.ts'
import { Atlas } from './atlas.ts'
import { Caller } from './caller.ts'
import type { NodeConfig } from './config.ts'
import { Delivery } from './delivery.ts'
import { EventHub, type NodeEvent, type NodeEventBody } from './events.ts'
import { Forwarder } from './forwarder.ts'
import { LoadReport } from './load-report.ts'
import { LoadShedder } from './load-shedder.ts'
import { Mailboxes } from './mailboxes.ts'
import { pipelineCalls } from './pipeline-calls.ts'
import type { PipelineEvent } from './pipeline-port.ts'
import { Pipelines } from './pipelines.ts'
import { Publications, publicationCodec } from './publishing.ts'
import { AgentRegistry } from './registry.ts'
import { Resolver } from './resolver.ts'
import { subscriptionOverflow } from './subscription-overflow.ts'
import { bounded } from './waiting.ts'

/** What a node runs on. */
export interface World {
  network: Network
  clock: Clock
  dice: Dice
  /** Where the node keeps what outlives it; left out where nothing does. */
  disk?: Disk | undefined
  /** Makes the disk this process's alone, from the start to the stop of the node. `ERR_CONFIG` where another has it. */
  claim?: (() => Promise<AsyncDisposable>) | undefined
  /** What this host shares with others so that agents may move between them; left out where they stay. */
  coordinator?: Coordinator | undefined
  /** How busy the process is, 0 to 1; left out where that means nothing. */
  load?: (() => number) | undefined
  /** Takes every event, where somebody wants to read them. */
  log?: ((event: NodeEvent) => void) | undefined
}

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
  readonly #config: NodeConfig
  readonly #world: World
  readonly #pointToPoint: PointToPoint
  readonly #receiver: IdempotentReceiver
  readonly #requests: RequestResponse
  readonly delivery: Delivery
  readonly #caller: Caller
  readonly #alarm: Alarm<ReceiveContext>
  readonly #handling = new Handling()
  #closing = false
  #claimed: AsyncDisposable | undefined
  #store: Store = createMemoryStore()
  #spills: SpillFolders | undefined
  readonly #coalescer: Coalescer
  readonly #forwarder: Forwarder
  readonly #shedder: LoadShedder
  /** From the first agent on. */
  #state: StateHome | undefined
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
    this.#coalescer = new Coalescer(clock)
    this.links = this.#linkTable()
    this.membership = this.#membership()
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
    this.#shedder = new LoadShedder({
      clock,
      counters: this.counters,
      coalescer: this.#coalescer,
      emit: this.#emit
    })
    this.registry = new AgentRegistry(host.peer, config.limits.agents, this.#shedder)
    this.composer = new Composer(
      new IdSource(dice.bytes(8)),
      this.links.turn,
      preferredFormats(config),
      config.limits.messageBytes
    )
    this.#alarm = new Alarm(clock, (context) => context.late?.())
    this.#receiver = new IdempotentReceiver({
      store: () => this.#store,
      turn: this.links.turn,
      deliver: this.registry.deliver,
      entropy: Buffer.from(dice.bytes(4)).readInt32LE()
    })
    this.order = this.#causalOrder()
    this.#pointToPoint = new PointToPoint({
      clock,
      turn: this.links.turn,
      deliver: this.registry.deliver,
      recognise: (inbound) => this.#receiver.receive(inbound),
      order: this.order,
      late: (peer) =>
        this.#emit({
          kind: 'dropped',
          agent: '',
          peer,
          code: 'ERR_GAP',
          message: 'it came after what follows it',
          count: 1
        }),
      orphaned: (reason) => this.#handling.orphaned(reason),
      dropped: (peer, count, cause) => {
        this.counters.dropped += count
        this.#emit({
          kind: 'dropped',
          agent: '',
          peer,
          code: 'ERR_LINK_CLOSED',
          message: cause?.message ?? 'closed',
          count
        })
      }
    })
    this.#requests = new RequestResponse(clock, random, this.composer, this.registry.serve)
    this.links.register(this.#pointToPoint)
    this.links.register(this.#requests)
    const bus = new LocalBus(clock)
    this.#resolver = this.#createResolver()
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
      store: () => this.#store,
      feed: (pipeline, item) => this.pipelines.get(pipeline).send(item)
    })
    this.#caller = new Caller({ ...shared, requests: this.#requests, serve: this.registry.serve })
    this.pubsub = createPubSub({
      membership: this.membership,
      links: this.links,
      broadcast: network.broadcast,
      host,
      clock,
      dice,
      codec: publicationCodec(),
      order: this.order,
      emit: this.#emit,
      overflow: subscriptionOverflow({
        ...{ self: host.peer, lineage: this.composer.lineage, limits: config.limits, counters: this.counters },
        ...{ spills: () => this.#spills, knows: (agent) => this.router.has(agent), atMostOnce: this.delivery }
      }),
      report: this.#emit,
      limits: {
        directFanout: config.limits.directFanout,
        messageBytes: config.limits.messageBytes,
        subscriptions: config.limits.subscriptions,
        log: { ...DEFAULT_LIMITS.log, retention: config.limits.retention }
      }
    })
    const first = config.bootstrap.length === 0 && config.bootstrapFile === undefined
    this.rates = new Rates({ clock, links: this.links, membership: this.membership, first })
    this.agents = this.#agents()
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

  /** What the node remembers: on disk from the start on where the world has one. Nothing may hold it before that. */
  get store(): Store {
    return this.#store
  }

  async start(): Promise<void> {
    const { disk, claim } = this.#world
    this.#claimed = await claim?.()
    if (disk !== undefined) {
      this.#store = await openStore(disk, { report: this.#emit })
      this.#spills = new SpillFolders(disk.folder('spill'), this.#config.limits.spillBytes, this.#emit)
    }
    await this.delivery.load()
    await this.pubsub.open({ store: this.#store, disk: disk?.folder('publications') })
    await this.host.start()
    if (!this.#closing) await this.membership.start()
    if (this.#closing) throw new MeshError('ERR_STOPPED', 'the node was stopped while it started')
    this.directory.start()
    this.#load?.start()
    // A simulation's event loop is never late: its time stands still meanwhile.
    if (this.#load !== undefined) this.#shedder.start()
  }

  /** Resolves once nothing waits for its way out, for an acknowledgement or for a handler. */
  async drained(): Promise<void> {
    this.pubsub.flush()
    this.links.flush()
    await this.delivery.drained()
    while (!this.#closing && (this.links.waiting || [...this.registry].some(({ inbox }) => inbox.pending > 0))) {
      await new Promise<void>((resolve) => this.clock.after(5, resolve))
    }
    await this.#receiver.quiet()
  }

  /** Says farewell and lets go of everything; each step is bounded by its own. */
  async close(): Promise<void> {
    this.#closing = true
    const stopped = new MeshError('ERR_STOPPED', 'the node is stopped')
    this.#handling.stop(stopped)
    await this.pipelines.close({ drain: false }).catch(() => {})
    await this.pubsub.stop().catch(() => {})
    this.rates.stop()
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
    await this.#spills?.closed()
    await this.#store.close()
    await this.#claimed?.[Symbol.asyncDispose]()
    this.events.close()
  }

  /** Takes what an agent of this node sent to another. */
  readonly #arrive = (inbound: Inbound): void => {
    if (inbound.place === undefined) this.registry.deliver(inbound)
    else this.#receiver.receive(inbound)
  }

  #home(): StateHome {
    const { coordinator } = this.#world
    this.#state ??= coordinator === undefined ? new HostState(this.#store) : new SharedState(coordinator)
    return this.#state
  }

  readonly #emit = (event: NodeEventBody): void => {
    const told = { at: this.clock.now(), ...event }
    this.#world.log?.(told)
    this.events.emit(told)
    if (event.kind === 'agent-up') this.delivery.wake(event.name)
  }

  #linkTable(): LinkTable {
    const { limits, formats } = this.#config
    const { network, clock, dice } = this.#world
    return new LinkTable({
      host: network.host,
      clock,
      dice,
      formats,
      limits: {
        queueBytes: limits.linkQueueBytes,
        window: { frames: limits.creditMessages, bytes: limits.creditBytes },
        maxFrame: limits.messageBytes + 65_536,
        streamsPerPeer: limits.streamsPerPeer,
        handshakeTimeout: limits.handshakeTimeout,
        readTimeout: limits.readTimeout,
        idleTimeout: limits.idleTimeout
      },
      onEvent: this.#emit,
      onHeard: (peer) => this.membership.heard(peer)
    })
  }

  #membership(): MembershipDriver {
    const { limits, bootstrap, bootstrapFile: file, region, zone } = this.#config
    const { network, clock, dice } = this.#world
    return createMembership({
      host: network.host,
      links: this.links,
      clock,
      dice,
      self: { name: this.name, region, zone },
      report: (error) => this.#emit({ kind: 'bootstrap-failed', code: error.code, message: error.message }),
      options: {
        bootstrap: file === undefined ? bootstrap : bootstrapFile(file),
        failureTimeout: limits.failureTimeout,
        maxMembers: limits.members,
        fullMeshLimit: limits.fullMesh
      }
    })
  }

  #causalOrder(): CausalDriver {
    const { clock, links, membership, host } = this
    const {
      causalGapTimeout: gapTimeout,
      causalWaiting: waiting,
      causalWaitingBytes: waitingBytes
    } = this.#config.limits
    const limits = { gapTimeout, waiting, waitingBytes }
    return new CausalDriver({ self: host.peer, clock, links, membership, limits, emit: this.#emit })
  }

  #createResolver(): Resolver {
    const { clock, host, router, membership, directory } = this
    const { resolveTimeout } = this.#config.limits
    const throttled = (): void => {
      this.counters.throttled++
    }
    return new Resolver({ clock, host, router, membership, directory, resolveTimeout, throttled })
  }

  #agents(): Agents {
    const { clock, membership, directory, registry, atlas, composer } = this
    const { dice } = this.#world
    const resolver = this.#resolver
    const { delivery } = this
    const caller = this.#caller
    const publications = new Publications(composer)
    const { peer } = this.host
    const { limits } = this.#config
    return new Agents({
      ...{
        self: peer,
        clock,
        dice,
        membership,
        directory,
        registry,
        atlas,
        composer,
        alarm: this.#alarm,
        handling: this.#handling,
        home: () => this.#home(),
        coordinator: this.#world.coordinator,
        limits,
        shedder: this.#shedder,
        mailboxes: new Mailboxes({
          counters: this.counters,
          coalescer: this.#coalescer,
          spills: () => this.#spills,
          forwarder: () => this.#forwarder,
          emit: this.#emit
        })
      },
      emit: this.#emit,
      node: {
        post: (template, data, particulars) => delivery.post(template, data, particulars),
        ship: (template, data, particulars) => delivery.ship(template, data, particulars),
        members: (name) => resolver.members(name),
        resolve: (name, options) => bounded(resolver.resolve(name), clock, options),
        bounded: (promise, options) => bounded(promise, clock, options),
        request: (template, data, options) => caller.request(template, data, options),
        stream: (template, data, options) => caller.stream(template, data, options),
        publish: (agent, topic, data, options) => {
          const message = publications.message(sourceOf(peer, agent), topic, data, options, currentTrace(), clock.now())
          return this.pubsub.publish(message, options)
        },
        subscribe: (agent, pattern, options, closed) => this.pubsub.subscribe(pattern, options, agent, closed),
        parent: currentTrace,
        wallClock: () => clock.now(),
        requestTimeout: limits.requestTimeout
      }
    })
  }
}

/** The format to write, the first that both ends know: JSON first for whoever wants to read along. */
export function preferredFormats({ debug, formats }: NodeConfig): NodeConfig['formats'] {
  return debug && formats.includes('json') ? ['json', ...formats.filter((format) => format !== 'json')] : formats
}

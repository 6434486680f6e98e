import { MeshError } from '../../../protocols/errors.ts'
import { decodeMessage, encodeMessage } from '../../../protocols/overlay/codec.ts'
import { OVERLAY_PROTOCOL } from '../../../protocols/overlay/constants.ts'
import type { OverlayMessage, SignedRecord } from '../../../protocols/overlay/messages.ts'
import { pack, unpack } from '../../../protocols/overlay/pack.ts'
import type { MembershipEffect, MembershipInput } from '../../core/membership/effects.ts'
import { MembershipMachine } from '../../core/membership/machine.ts'
import { type MembershipOptions, tickInterval, withDefaults } from '../../core/membership/options.ts'
import type { Member, MemberRecord, MembershipEvent } from '../../core/membership/types.ts'
import { weigh } from '../../core/membership/weight.ts'
import type { Link } from '../links/types.ts'
import type { Timer, WaitOptions } from '../ports.ts'
import type { BootstrapSource } from './bootstrap.ts'
import { COUNTED_KINDS, Inbox, isCounted } from './inbox.ts'
import { Signer } from './signer.ts'
import type { MembershipDriver, MembershipInit } from './types.ts'
import { Waiters } from './waiters.ts'

const RECORD_LIFETIME = 3_600_000
const LEAVE_TIMEOUT = 500

/** The one switch from the machine's effects to deeds. */
export class Driver implements MembershipDriver {
  readonly #init: MembershipInit
  readonly #machine: MembershipMachine
  readonly #inbox: Inbox
  readonly #waiters = new Waiters()
  readonly #listeners = new Set<(event: MembershipEvent) => void>()
  readonly #bootstrap: BootstrapSource
  readonly #signer: Signer
  readonly #options: MembershipOptions
  readonly #leaveTimeout: number
  /** Connected peers that do not speak the protocol. */
  readonly #foreign = new Set<string>()
  #running = false
  /** Raised at each start and stop: what was begun before ends without effect. */
  #life = 0
  #started = false
  #announced = 0
  /** Monotonic ms. */
  #stoppedAt = 0
  #ticker: Timer | undefined

  constructor(init: MembershipInit) {
    const { host, self, clock, dice, links, options = {} } = init
    const { bootstrap = [], recordLifetime = RECORD_LIFETIME, leaveTimeout = LEAVE_TIMEOUT, ...rest } = options
    this.#init = init
    this.#options = withDefaults(rest)
    this.#leaveTimeout = leaveTimeout
    this.#bootstrap = typeof bootstrap === 'function' ? bootstrap : async () => bootstrap
    this.#signer = new Signer(host, clock, recordLifetime, (signed) => this.#handle({ kind: 'record', signed }))
    const record = { peer: host.peer, ...self, addresses: [], incarnation: Math.floor(clock.now()), expires: 0 }
    this.#machine = new MembershipMachine(record, rest, () => dice.random())
    this.#inbox = new Inbox(
      this.#machine,
      (peer, bytes, signature) => host.verify(peer, bytes, signature),
      (from, message) => this.#receive(from, message)
    )
    links.register({
      protocol: OVERLAY_PROTOCOL,
      lanes: ['control'],
      counted: COUNTED_KINDS,
      frame: (link, kind, body) => this.#frame(link, kind, body),
      closed: (link, error) => this.#closed(link, error)
    })
  }

  get self(): MemberRecord {
    return this.#machine.self
  }

  get partial(): boolean {
    return this.#machine.partial
  }

  members(): Iterable<Member> {
    return this.#machine.members()
  }

  member(peer: string): Member | undefined {
    return this.#machine.member(peer)
  }

  rtt(peer: string): number | undefined {
    return this.#machine.rtt(peer)
  }

  signedRecord(peer: string): SignedRecord | undefined {
    return this.#machine.signedRecord(peer)
  }

  set(key: string, value: unknown): number {
    this.#handle({ kind: 'set', key, value: isolate(key, value) })
    return this.#machine.version
  }

  delete(key: string): number {
    this.#handle({ kind: 'set', key, value: undefined })
    return this.#machine.version
  }

  announced(version: number, options?: WaitOptions): Promise<void> {
    // Nothing new for those who wait already: with ten thousand of them each look is a walk.
    if (this.#announced !== this.#machine.announcedVersion) this.#look()
    return this.#waiters.until(() => this.#announced >= version, options)
  }

  joined(peers: number, options?: WaitOptions): Promise<void> {
    return this.#waiters.until(() => this.#machine.exchanged >= peers, options)
  }

  subscribe(listener: (event: MembershipEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    this.#waiters.open()
    const life = ++this.#life
    const { clock, host } = this.#init
    // Nobody was silent while we did not listen.
    if (this.#started) this.#handle({ kind: 'tick', lag: clock.monotonic() - this.#stoppedAt })
    const former = this.#started ? this.self.incarnation + 1 : this.self.incarnation
    await this.#signer.sign(this.#machine.self, Math.max(former, Math.floor(clock.now())))
    if (life !== this.#life) return
    this.#started = true
    for (const peer of host.connected()) this.connected(peer)
    this.#tickAfter(0)
  }

  async stop({ leave }: { leave: boolean }): Promise<void> {
    if (!this.#running) return
    if (leave) await this.#leave()
    this.#running = false
    this.#life++
    this.#stoppedAt = this.#init.clock.monotonic()
    this.#ticker?.cancel()
    this.#signer.stop()
    for (const peer of this.#machine.contacts()) this.#handle({ kind: 'disconnected', peer })
    this.#waiters.close(new MeshError('ERR_STOPPED', 'the node was stopped'))
  }

  connected(peer: string): void {
    if (this.#running && !this.#foreign.has(peer)) this.#handle({ kind: 'connected', peer })
  }

  disconnected(peer: string): void {
    this.#foreign.delete(peer)
    this.#handle({ kind: 'disconnected', peer })
  }

  heard(peer: string): void {
    this.#handle({ kind: 'heard', peer })
  }

  #handle(input: MembershipInput): void {
    const effects: MembershipEffect[] = []
    this.#machine.handle(input, this.#init.clock.monotonic(), effects)
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: MembershipEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, effect.message)
        break
      case 'emit':
        for (const listener of this.#listeners) listener(effect.event)
        if (effect.event.kind === 'member-down') this.#look()
        break
      case 'flush':
        this.#init.clock.endOfTurn(() => this.#handle({ kind: 'flush' }))
        break
      case 'progress':
        this.#look()
        break
      case 'sign':
        this.#signer.sign(this.#machine.self, effect.incarnation).catch(() => {})
        break
      case 'learn':
        this.#init.host.learn(effect.peer, effect.addresses)
        break
      case 'dial':
        void this.#dial(effect.target)
        break
      case 'read-bootstrap':
        void this.#readBootstrap()
        break
      case 'hang-up':
        void this.#hangUp(effect.peer)
        break
    }
  }

  /** The version is computed once for all who wait: ten thousand agents may register at once. */
  #look(): void {
    this.#announced = this.#machine.announcedVersion
    this.#waiters.look()
  }

  /** What cannot be sent is lost: the next exchange repairs it. */
  #send(to: readonly string[], message: OverlayMessage): void {
    if (!this.#running) return
    const { kind, body } = encodeMessage(message)
    for (const peer of to) {
      if (!this.#init.host.isConnected(peer)) continue
      try {
        this.#init.links.to(peer, OVERLAY_PROTOCOL, 'control').send(kind, body, isCounted(message))
      } catch (error) {
        if (!(error instanceof MeshError)) throw error
      }
    }
  }

  #frame(link: Link, kind: number, body: Uint8Array): void {
    const message = decodeMessage(kind, body)
    if (!this.#running) return
    this.heard(link.peer)
    this.#inbox.push(link, message, body.byteLength)
  }

  #receive(from: string, message: OverlayMessage): void {
    this.#foreign.delete(from)
    if (this.#running && this.#init.host.isConnected(from)) this.#handle({ kind: 'receive', from, message })
  }

  #closed(link: Link, error: Error | undefined): void {
    if (!(error instanceof MeshError) || error.code !== 'ERR_UNSUPPORTED') return
    this.#foreign.add(link.peer)
    this.#handle({ kind: 'disconnected', peer: link.peer })
  }

  #tickAfter(ms: number): void {
    const { clock } = this.#init
    const due = clock.monotonic() + ms
    this.#ticker = clock.after(ms, () => {
      if (!this.#running) return
      this.#tickAfter(tickInterval(this.#options))
      this.#signer.refresh()
      this.#handle({ kind: 'tick', lag: Math.max(0, clock.monotonic() - due) })
      this.#look()
    })
  }

  async #dial(target: string): Promise<void> {
    const { host, clock } = this.#init
    const abort = new AbortController()
    const timer = clock.after(2 * this.#options.failureTimeout, () => abort.abort())
    const reached = await host.dial(target, { signal: abort.signal }).catch((cause: unknown) => {
      if (isAddress(target))
        this.#report(new MeshError('ERR_BOOTSTRAP', `cannot reach ${target}`, { cause, details: { target } }))
      return undefined
    })
    timer.cancel()
    this.#handle({ kind: 'dialled', target, reached })
    if (reached !== undefined && host.isConnected(reached)) this.connected(reached)
  }

  async #readBootstrap(): Promise<void> {
    const life = this.#life
    const addresses = await this.#bootstrap().catch((cause: unknown) => {
      this.#report(
        cause instanceof MeshError ? cause : new MeshError('ERR_BOOTSTRAP', 'no bootstrap addresses', { cause })
      )
      return []
    })
    if (life === this.#life) this.#handle({ kind: 'bootstrap', addresses })
  }

  #report(error: MeshError): void {
    if (this.#running) this.#init.report?.(error)
  }

  async #hangUp(peer: string): Promise<void> {
    await this.#init.host.hangUp(peer).catch(() => {})
    if (!this.#init.host.isConnected(peer)) this.disconnected(peer)
  }

  async #leave(): Promise<void> {
    this.#handle({ kind: 'leave' })
    const abort = new AbortController()
    const timer = this.#init.clock.after(this.#leaveTimeout, () => abort.abort())
    await this.#waiters.until(() => this.#machine.hasLeft, { signal: abort.signal }).catch(() => {})
    timer.cancel()
  }
}

function isAddress(target: string): boolean {
  return target.startsWith('/')
}

/** A copy that MessagePack has carried: what others will read, and out of the caller's reach. */
function isolate(key: string, value: unknown): unknown {
  if (value === undefined) return undefined
  weigh(value)
  try {
    return unpack(pack(value))
  } catch (cause) {
    throw new MeshError('ERR_UNREPRESENTABLE', `entry ${key} cannot be announced`, { cause, details: { key } })
  }
}

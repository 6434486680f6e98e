import { DestinationKind, isTwofold, Way, wayOf } from '../../../protocols/causality/constants.ts'
import type { Dependency, IncomingStamp, Keeper } from '../../../protocols/causality/messages.ts'
import type { Need, Source } from './source.ts'

/** What a dependency is for this host, found out once for each slot of a stream. */
const Role = { unknown: 0, host: 1, topic: 2, others: 3, ours: 4, twofold: 5 } as const

/** The stamp of a publication, which is in the past of its receivers as far as others get it too. */
export function publicationStamp(
  stamp: IncomingStamp,
  kind: DestinationKind,
  topic: string,
  producer: string
): IncomingStamp {
  const { epoch, number, previous, changes, count, source } = stamp
  const itself = {
    kind,
    destination: topic,
    producer,
    epoch,
    number,
    role: Role.others,
    entry: undefined,
    source: undefined
  }
  return {
    ...{ epoch, number, previous, source, repeats: false, elsewhere: false, keeper: undefined },
    ...{ changes: [...changes.slice(0, count), itself], count: count + 1, told: count + 1 }
  }
}

/** A dependency with what is remembered of it. */
export type Told = Dependency & { role: number; source?: unknown }

/** What is asked of whoever holds the past. */
export interface HearsayHost {
  readonly self: string
  /** Whether somebody here subscribes to the topic. */
  wants(kind: DestinationKind, topic: string): boolean
  /** False where the peer is known to be gone: nothing of it is waited for. */
  alive(peer: string): boolean
  /** What a message that was handed out tells of others is in this host's past from now on. */
  inherit(dependency: Dependency & { entry?: unknown }, now: number): void
  /** The keeper has more of that, which `settle` hands over: it must be asked to before the past is looked at. */
  later(keeper: Keeper): void
}

/** What messages tell of others: what of it must have passed here before they go on, and what is in this host's past then. */
export class Hearsay implements Keeper {
  readonly #host: HearsayHost
  readonly #source: (peer: string, epoch: number, way: Way) => Source | undefined
  /** Streams of which a repetition was passed, and not yet looked at: a host that only receives hardly ever has to. */
  readonly #unread: IncomingStamp[] = []
  #unreadAt = 0

  constructor(host: HearsayHost, source: (peer: string, epoch: number, way: Way) => Source | undefined) {
    this.#host = host
    this.#source = source
  }

  /** A stamp that repeats what was inherited and concerns others only. */
  putOff(stamp: IncomingStamp, now: number): void {
    this.#unreadAt = now
    if (stamp.keeper === this) return
    stamp.keeper = this
    if (this.#unread.push(stamp) === 1) this.#host.later(this)
  }

  /** Takes over what repetitions told, with that of messages that wait: too much to say does no harm, and is said a little earlier. */
  settle(): void {
    for (let stamp = this.#unread.pop(); stamp !== undefined; stamp = this.#unread.pop()) {
      stamp.keeper = undefined
      this.inherit(stamp.changes, stamp.told, this.#unreadAt)
    }
  }

  /** Whether all that must have passed here has. */
  met(changes: readonly Told[], count: number): boolean {
    for (let i = 0; i < count; i++) {
      const heard = changes[i]!
      const source = this.#needed(heard)
      if (source !== undefined && source.passed < heard.number) return false
      if (heard.role === Role.twofold && (this.#neededToo(heard)?.passed ?? heard.number) < heard.number) return false
    }
    return true
  }

  /** Of a publication that goes two ways the number for at-least-once subscriptions, if this host has any. */
  #neededToo({ destination, producer, epoch }: Told): Source | undefined {
    if (!this.#host.wants(DestinationKind.assured, destination) || !this.#host.alive(producer)) return undefined
    return this.#source(producer, epoch, Way.assured)
  }

  /** Whether this host is still to get a copy of that publication, having had the other. */
  awaits({ kind, destination, producer, epoch, number }: Dependency): boolean {
    return !this.met([{ kind, destination, producer, epoch, number, role: Role.unknown }], 1)
  }

  /** Whose number it is that must pass here; undefined where it concerns others only. */
  #needed(told: Told): Source | undefined {
    if (told.role === Role.unknown) told.role = this.#roleOf(told)
    if (told.role === Role.others || told.role === Role.ours) return undefined
    if (told.role !== Role.host && !this.#host.wants(told.kind, told.destination)) return undefined
    let source = told.source as Source | undefined
    if (source === undefined || source.over) {
      if (!this.#host.alive(told.producer)) return undefined
      source = this.#source(told.producer, told.epoch, wayOf(told.kind))
      told.source = source
    }
    return source
  }

  #roleOf({ kind, destination, producer }: Dependency): number {
    if (producer === this.#host.self) return Role.ours
    if (kind !== DestinationKind.host) return isTwofold(kind) ? Role.twofold : Role.topic
    return destination === this.#host.self ? Role.host : Role.others
  }

  /** Returns true where nothing of it may concern this host itself. */
  inherit(told: readonly Told[], count: number, now: number): boolean {
    let elsewhere = true
    for (let i = 0; i < count; i++) {
      const dependency = told[i]!
      if (dependency.role === Role.unknown) dependency.role = this.#roleOf(dependency)
      const { role } = dependency
      if (role !== Role.host && role !== Role.ours) this.#host.inherit(dependency, now)
      if (role !== Role.others && role !== Role.ours) elsewhere = false
    }
    return elsewhere
  }

  /** What something that comes after `previous` of the source, and tells this, has to wait for. */
  needs(source: Source, previous: number, told: readonly Dependency[]): Need[] {
    const needs: Need[] = [{ source, number: previous }]
    for (const dependency of told as Told[]) {
      const needed = this.#needed(dependency)
      if (needed !== undefined) needs.push({ source: needed, number: dependency.number })
      const too = dependency.role === Role.twofold ? this.#neededToo(dependency) : undefined
      if (too !== undefined) needs.push({ source: too, number: dependency.number })
    }
    return needs
  }
}

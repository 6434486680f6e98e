import type { Channel } from '../../src/runtime/ports.ts'
import { type Place, World, type WorldOptions } from '../../src/testing/world.ts'

/** What happened at one end of a channel. */
export interface Ear {
  channel: Channel
  chunks: Uint8Array[]
  text(): string
  drains: number
  /** One entry for each call of `onClose`: the error's code, or 'good order'. */
  closes: string[]
}

export function listen(channel: Channel): Ear {
  const ear: Ear = {
    channel,
    chunks: [],
    text: () => Buffer.concat(ear.chunks).toString(),
    drains: 0,
    closes: []
  }
  channel.onBytes = (chunk) => ear.chunks.push(chunk)
  channel.onDrain = () => ear.drains++
  channel.onClose = (error) =>
    ear.closes.push(error === undefined ? 'good order' : (error as Error & { code: string }).code)
  return ear
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Hosts a, b, c … that know each other's addresses, are started, and accept '/test'. */
export async function hosts(count: number, options: WorldOptions = {}) {
  const world = new World(options)
  const places: Place[] = []
  const accepted: Ear[][] = []
  for (let i = 0; i < count; i++) {
    const place = await world.place('abcdefgh'[i]!)
    await place.network.host.start()
    accepted.push(acceptAll(place))
    places.push(place)
  }
  introduce(places)
  return { world, places, hosts: places.map(({ network }) => network.host), accepted }
}

export function acceptAll(place: Place): Ear[] {
  const ears: Ear[] = []
  place.network.host.handle('/test', (channel) => ears.push(listen(channel)))
  return ears
}

export function introduce(places: Place[]): void {
  for (const { network } of places) {
    for (const other of places) network.host.learn(other.network.host.peer, other.network.host.addresses())
  }
}

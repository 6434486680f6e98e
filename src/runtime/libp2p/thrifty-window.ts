import type { Stream } from '@libp2p/interface'

/** What `@libp2p/yamux` keeps for the receiving half of a stream. */
interface YamuxWindow {
  state: number
  recvWindow: number
  recvWindowCapacity: number
  maxStreamWindowSize: number
  getRTT(): number
  sendWindowUpdate(): void
}

const ESTABLISHED = 3
/** Yamux's own growth asks for a round trip; this one means that none was measured. */
const UNMEASURED = -1

/**
 * Bytes that may be under way on one stream however near its peer is: what keeps a receiver busy while its grant travels.
 * All of it can lie ahead of a control message, which costs it 8 ms at 250 MB/s. With half of it small messages are a
 * tenth slower, with twice as much no faster (measured).
 */
const NEAR_BYTES = 2 ** 21
/** Bytes per ms of round trip beyond that: a path of 1 Gbit/s is kept full. */
const BYTES_PER_MS = 125_000

/**
 * Grants window to a Yamux stream when half of it is used, as the specification's other implementations do:
 * `@libp2p/yamux` 8 grants after each frame that it reads, and a small request cost its receiver a write of 30 bytes,
 * which was half of all writes (measured). The window follows the round trip that `roundTrip` tells (ms), the least of
 * them, since the later ones contain our own queue; Yamux's own measure is a whole number of ms taken during the
 * handshake, and lets the window of a busy loopback grow to its bound.
 *
 * Returns false for a stream of another kind, which stays as it is.
 */
export function thriftyWindow(stream: Stream, roundTrip: () => number | undefined): boolean {
  if (!isYamux(stream)) return false
  const grant = stream.sendWindowUpdate.bind(stream)
  let least = Number.POSITIVE_INFINITY
  stream.getRTT = () => UNMEASURED
  stream.sendWindowUpdate = () => {
    const used = stream.recvWindow - stream.recvWindowCapacity
    // Flags of the opening ride on the first grant, so it is never put off.
    if (stream.state === ESTABLISHED && used < stream.recvWindow / 2) return
    least = Math.min(least, roundTrip() ?? Number.POSITIVE_INFINITY)
    const wanted = least === Number.POSITIVE_INFINITY ? NEAR_BYTES : Math.max(NEAR_BYTES, least * BYTES_PER_MS)
    stream.recvWindow = Math.max(stream.recvWindow, Math.min(Math.ceil(wanted), stream.maxStreamWindowSize))
    grant()
  }
  return true
}

function isYamux(stream: unknown): stream is YamuxWindow {
  const { state, recvWindow, recvWindowCapacity, maxStreamWindowSize, getRTT, sendWindowUpdate } =
    stream as Partial<YamuxWindow>
  const numbers = [state, recvWindow, recvWindowCapacity, maxStreamWindowSize]
  return numbers.every(Number.isFinite) && typeof getRTT === 'function' && typeof sendWindowUpdate === 'function'
}

import type { Pipe } from './pipe.ts'

/** Writes length-prefixed frames to a pipe; false asks to wait for `drained()`. */
export interface FrameWriter {
  write(frame: Uint8Array): boolean
  drained(): Promise<void>
}

const PREFIX = 4
const BATCH = 64 * 1024

/** One write a frame. */
export function eachFrame(pipe: Pipe): FrameWriter {
  return {
    write(frame) {
      const bytes = Buffer.allocUnsafe(PREFIX + frame.length)
      bytes.writeUInt32BE(frame.length, 0)
      bytes.set(frame, PREFIX)
      return pipe.write(bytes)
    },
    drained: () => pipe.drained()
  }
}

/** Frames gathered into writes of 64 KiB, which leave when they are full or when the turn ends. */
export function batchedFrames(pipe: Pipe): FrameWriter {
  let batch = Buffer.allocUnsafe(BATCH)
  let used = 0
  let scheduled = false
  let writable = true

  function flush(): void {
    if (used === 0) return
    writable = pipe.write(batch.subarray(0, used))
    batch = Buffer.allocUnsafe(BATCH)
    used = 0
  }

  function endOfTurn(): void {
    scheduled = false
    flush()
  }

  return {
    write(frame) {
      const bytes = PREFIX + frame.length
      if (used + bytes > batch.length) {
        flush()
        if (bytes > batch.length) batch = Buffer.allocUnsafe(bytes)
      }
      batch.writeUInt32BE(frame.length, used)
      batch.set(frame, used + PREFIX)
      used += bytes
      if (used >= BATCH) flush()
      else if (!scheduled) {
        scheduled = true
        setImmediate(endOfTurn)
      }
      return writable
    },
    async drained() {
      await pipe.drained()
      writable = true
    }
  }
}

/** Cuts what arrives into frames; each is a view that is valid during the call. Only a frame that was cut is copied. */
export function readFrames(pipe: Pipe, onFrame: (frame: Uint8Array) => void): void {
  let cut: Buffer = Buffer.alloc(0)
  let held = 0

  /** Adds to the frame that was cut; returns how many bytes it took. */
  function complete(chunk: Buffer): number {
    let taken = 0
    const take = (until: number) => {
      const bytes = Math.min(until - held, chunk.length - taken)
      if (cut.length < until) cut = Buffer.concat([cut], until)
      chunk.copy(cut, held, taken, taken + bytes)
      held += bytes
      taken += bytes
    }
    if (held < PREFIX) take(PREFIX)
    if (held < PREFIX) return taken
    const end = PREFIX + cut.readUInt32BE(0)
    take(end)
    if (held === end) {
      held = 0
      onFrame(cut.subarray(PREFIX, end))
    }
    return taken
  }

  pipe.onBytes = (bytes) => {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = held === 0 ? 0 : complete(chunk)
    while (chunk.length - at >= PREFIX) {
      const end = at + PREFIX + chunk.readUInt32BE(at)
      if (end > chunk.length) break
      onFrame(chunk.subarray(at + PREFIX, end))
      at = end
    }
    if (at < chunk.length) complete(chunk.subarray(at))
  }
}

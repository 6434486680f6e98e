import { batchedFrames, eachFrame } from './frames.ts'
import { libp2pWire } from './libp2p-wire.ts'
import { loop } from './loop.ts'

/** One `send` a message: libp2p as it is plainly used. */
export const plain = loop(libp2pWire, eachFrame)

/** 64 KiB batches a turn: the best hand-written loop over the same stream. */
export const batched = loop(libp2pWire, batchedFrames)

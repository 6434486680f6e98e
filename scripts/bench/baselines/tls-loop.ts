import { batchedFrames } from './frames.ts'
import { loop } from './loop.ts'
import { tlsWire } from './tls-wire.ts'

/** The batched loop over bare `node:tls`. */
export const tls = loop(tlsWire, batchedFrames)

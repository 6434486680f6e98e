import { Fields } from '../envelope/fields.ts'
import { MAX_PEER_BYTES, MAX_REFUTATION } from './constants.ts'
import type { Standing } from './messages.ts'

export const STANDINGS: readonly Standing[] = ['alive', 'suspect', 'dead', 'left']

class OverlayFields extends Fields {
  peerId(value: unknown): string {
    const peer = this.text(value, MAX_PEER_BYTES, 'a PeerId')
    if (peer === '') throw this.malformed('a PeerId')
    return peer
  }

  refutation(value: unknown): number {
    return this.count(value, 'a refutation number', MAX_REFUTATION)
  }

  standing(value: unknown): Standing {
    return STANDINGS[this.count(value, 'a state', STANDINGS.length - 1)]!
  }
}

export const fields = new OverlayFields('overlay')

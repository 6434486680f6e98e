export { decodeMessage, encodeMessage, type Frame } from './codec.ts'
export { KIND, MAX_FRAME_BYTES, OVERLAY_PROTOCOL } from './constants.ts'
export type * from './messages.ts'
export {
  decodeRecord,
  decodeSignedRecord,
  encodeRecord,
  encodeSignedRecord,
  type SealedRecord,
  type Sign,
  signingInput,
  signRecord,
  type Verify,
  verifySignedRecord
} from './record.ts'

import { encodeData } from '../../../protocols/envelope/data.ts'
import { isBytes } from '../../../protocols/envelope/kinds.ts'
import { DataCode } from '../../../protocols/envelope/outgoing.ts'
import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { Draft } from './composer.ts'

/** A message that came, as one to be written once more: to disk, or on to somebody else. Its id, time and trace stay. */
export function restate(message: WireMessage): Draft {
  const draft = new Draft(message.attributes)
  draft.id = message.id
  draft.time = message.time
  draft.trace = message.trace
  draft.extra = { ...message.extra, time: undefined, traceparent: undefined, tracestate: undefined }
  const { data } = message
  if (data === undefined) return draft
  const bytes = typeof data === 'object' && data !== null && isBytes(data)
  draft.code = bytes ? DataCode.bytes : DataCode.messagepack
  draft.data = bytes ? data : encodeData(data, 'messagepack')
  return draft
}

import { type RemoteErrorShape, toRemoteShape } from '../../protocols/errors.ts'
import { MAX_ERROR_CHARS, PIPELINE_TYPE } from '../../protocols/pipeline/constants.ts'
import type { ProcessReply } from '../../protocols/pipeline/messages.ts'
import type { PipelineDriver } from './pipeline-driver.ts'
import type { PipelineHandler } from './pipeline-port.ts'
import { type Outcome, submit } from './pipeline-submission.ts'

/** What the hidden agent of a pipeline answers to feeders on other hosts. */
export function pipelineHandlers(
  driver: PipelineDriver,
  overflow: 'buffer' | 'reject'
): Record<string, PipelineHandler> {
  return {
    [PIPELINE_TYPE.process]: async (message, ctx) => toReply(await submit(driver, message.data, overflow, ctx.signal)),
    [PIPELINE_TYPE.stats]: async () => driver.stats()
  }
}

function toReply(outcome: Outcome): ProcessReply {
  if (outcome.status === 'done') return outcome
  const { sequence, reason, loss } = outcome
  const error = shorten(toRemoteShape(loss.error))
  return { status: 'lost', sequence, reason, stage: loss.stage.name, attempts: loss.attempts, error }
}

function shorten(error: RemoteErrorShape): RemoteErrorShape {
  return { ...error, message: error.message.slice(0, MAX_ERROR_CHARS) }
}

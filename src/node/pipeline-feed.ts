import type { Payload } from '../../protocols/envelope/message.ts'
import { MeshError, RemoteError } from '../../protocols/errors.ts'
import { PIPELINE_TYPE, pipelineAgent } from '../../protocols/pipeline/constants.ts'
import { type PipelineStats, parsePipelineStats, parseProcessReply } from '../../protocols/pipeline/messages.ts'
import { checkWait } from '../agent/options.ts'
import { SEND_TIMEOUT } from './pipeline.ts'
import type { PipelinePort, StageCall } from './pipeline-port.ts'
import type { WaitOptions } from './pipeline-wait.ts'

/** A pipeline by its id, wherever it is coordinated. */
export interface PipelineFeed {
  readonly id: string
  /**
   * As `pipeline.send`. Besides: `ERR_NO_RESPONDERS` when nobody coordinates that id; `ERR_PIPELINE` when its coordinator is
   * lost meanwhile, with `details.unfinished` holding the item.
   */
  send(item: unknown, options?: WaitOptions): Promise<Payload>
  stats(options?: WaitOptions): Promise<PipelineStats>
}

/** How a request ends whose handler's host went away. */
const LOST_CODES = new Set(['ERR_LINK_CLOSED', 'ERR_PEER_UNREACHABLE'])

export function createFeed(id: string, port: PipelinePort): PipelineFeed {
  const agent = pipelineAgent(id)
  const call = (type: string, wait: WaitOptions): StageCall => {
    checkWait(wait)
    const { signal, timeout } = wait
    return { type, routing: { pattern: 'pipeline', pipeline: id }, signal, timeout }
  }

  async function send(item: unknown, options: WaitOptions = {}): Promise<Payload> {
    const reply = await port
      .request(agent, item, call(PIPELINE_TYPE.process, { timeout: SEND_TIMEOUT, ...options }))
      .catch((error: unknown) => {
        throw isLost(error) ? coordinatorLost(id, item, error) : error
      })
    const outcome = parseProcessReply(reply.data)
    if (outcome.status === 'done') return outcome.result
    const { sequence, reason, stage, attempts } = outcome
    const cause = new RemoteError(outcome.error)
    throw new MeshError(
      'ERR_PIPELINE',
      `stage '${stage}' of pipeline '${id}' failed on item ${sequence} after ${attempts} attempts: ${cause.message}`,
      { cause, details: { pipeline: id, reason, stage, sequence, attempts, unfinished: [sequence] } }
    )
  }

  async function stats(options: WaitOptions = {}): Promise<PipelineStats> {
    const reply = await port.request(agent, null, call(PIPELINE_TYPE.stats, options))
    return parsePipelineStats(reply.data)
  }

  return { id, send, stats }
}

/** A coordinator that answers with such a code tells of a link of its own. */
function isLost(error: unknown): boolean {
  return error instanceof MeshError && !(error instanceof RemoteError) && LOST_CODES.has(error.code)
}

function coordinatorLost(id: string, item: unknown, cause: unknown): MeshError {
  return new MeshError(
    'ERR_PIPELINE',
    `the host that coordinates pipeline '${id}' was lost before the item was finished`,
    {
      cause,
      details: { pipeline: id, reason: 'coordinator-lost', unfinished: [item] }
    }
  )
}

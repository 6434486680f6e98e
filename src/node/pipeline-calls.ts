import { MeshError } from '../../protocols/errors.ts'
import { sourceOf } from '../agent/source.ts'
import { Templates } from '../agent/templates.ts'
import type { Router } from '../core/routing/router.ts'
import type { Agents } from './agents.ts'
import type { Caller } from './caller.ts'
import type { Limits } from './config.ts'
import type { PipelinePort } from './pipeline-port.ts'

export interface PipelineCallsParts {
  self: string
  lineage: string
  limits: Limits
  router: Pick<Router, 'has'>
  agents: Pick<Agents, 'register'>
  caller: Pick<Caller, 'request'>
}

/** Items that other hosts may feed to one pipeline at once: far above any pipeline's own bound. */
const FEEDERS = 65_536

/** Pipelines call stages as any agent calls another, under an identity of their own. */
export function pipelineCalls({ self, lineage, limits, router, agents, caller }: PipelineCallsParts): PipelinePort {
  const templates = new Map<string, Templates>()
  const templatesOf = (pipeline: string): Templates => {
    let own = templates.get(pipeline)
    if (own === undefined) {
      own = new Templates(sourceOf(self, `pipeline/${pipeline}`), lineage, 'pipeline', limits, { pipeline })
      templates.set(pipeline, own)
    }
    return own
  }
  return {
    request: (agent, data, { type, routing, timeout = limits.requestTimeout, signal }) => {
      const { pipeline = '', correlation } = routing
      return caller.request(templatesOf(pipeline).for(agent, { type }), data, {
        particulars: { id: undefined, parent: undefined, extra: { correlation } },
        wish: undefined,
        timeout,
        signal,
        idempotent: false
      })
    },
    host: async (name, handlers, wait = {}) => {
      if (router.has(name)) {
        throw new MeshError('ERR_ALREADY_REGISTERED', `${name} is hosted in the mesh already`, {
          details: { agent: name }
        })
      }
      const agent = await agents.register(name, {}, wait)
      // The pipeline's own bounds decide what waits and what is refused.
      for (const [type, handler] of Object.entries(handlers)) agent.handle(type, handler, { concurrency: FEEDERS })
      return agent
    }
  }
}

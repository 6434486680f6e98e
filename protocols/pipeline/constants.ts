/** The agent that a coordinating host registers for a pipeline: where it is found, it is fed. */
const PIPELINE_AGENT_PREFIX = 'phoenix.pipeline.'

/** Request types that this agent answers. */
export const PIPELINE_TYPE = {
  /** One item; its result or how it was lost. The type is the specification's. */
  process: 'phoenix.pipeline.process',
  /** The counters of its stages. */
  stats: 'phoenix.pipeline.stats'
} as const

/** Characters of a pipeline's id and of a stage's name: with the prefix they fit an agent's name and a message's type (256). */
export const MAX_NAME_CHARS = 128
/** Stages of one pipeline. A guess: more than anybody has drawn on a board. */
export const MAX_STAGES = 64
/** Characters of an error's message in a reply; what is longer is cut. */
export const MAX_ERROR_CHARS = 4_096

export function pipelineAgent(id: string): string {
  return PIPELINE_AGENT_PREFIX + id
}

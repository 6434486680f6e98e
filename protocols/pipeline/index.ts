export { PIPELINE_TYPE, pipelineAgent } from './constants.ts'
export {
  type PipelineStats,
  type ProcessReply,
  parsePipelineStats,
  parseProcessReply,
  type StageLatency,
  type StageStats
} from './messages.ts'

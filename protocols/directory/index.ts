export {
  AGENT_PREFIX,
  HOST_PREFIX,
  KAD_PROTOCOL,
  MAX_AGENT_NAME_BYTES,
  MAX_HOST_RECORD_LIFETIME,
  PROVIDER_LIFETIME
} from './constants.ts'
export { newestHostRecord, readHostRecord } from './host-record.ts'
export { agentKey, hostKey } from './keys.ts'

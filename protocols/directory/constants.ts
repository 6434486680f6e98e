/** A private table: agents' records have no business in the public one, nor its records in ours. */
export const KAD_PROTOCOL = '/phoenix/kad/1.0.0'

/** Provider records: the key of agent `worker` is `/phoenix-agent/worker`. */
export const AGENT_PREFIX = '/phoenix-agent/'
/** Values: the signed member record of a host, under its PeerId. */
export const HOST_PREFIX = '/phoenix-host/'

/** Bytes of an agent's name as UTF-8: what point-to-point carries. */
export const MAX_AGENT_NAME_BYTES = 255

/**
 * ms that a provider record is kept by those that hold it. libp2p's 48 hours are far too long for agents, which come
 * and go; one hour is a guess: the time for which a name that moved without a farewell may cost one wrong attempt.
 */
export const PROVIDER_LIFETIME = 3_600_000

/** ms that a host record may be good for when it arrives: a record that never expires is refused. A guess. */
export const MAX_HOST_RECORD_LIFETIME = 24 * 3_600_000

import { peerIdFromString } from '@libp2p/peer-id'
import { isMultiaddr, multiaddr } from '@multiformats/multiaddr'
import * as v from 'valibot'
import { MAX_MEMBERS } from '../../protocols/raft/constants.ts'
import { limits } from './config-limits.ts'

const ADDRESS = 'must be a multiaddr such as /ip4/127.0.0.1/tcp/4001'
const BOOTSTRAP = 'must be a list of multiaddrs or the path of a file of them'
const FORMATS = ['messagepack', 'json'] as const

const flag = v.boolean('must be true or false')

const LABEL = 'must be a text of 1 to 128 characters on one line'
const label = v.optional(
  v.pipe(v.string(LABEL), v.minLength(1, LABEL), v.maxLength(128, LABEL), v.regex(/^\P{Cc}*$/u, LABEL))
)

const PATH = 'must be the path of a folder'
const path = v.optional(v.pipe(v.string(PATH), v.minLength(1, PATH), v.regex(/^[^\0]*$/, PATH)))

/** A multiaddr, given as text or object, as its text. */
const address = v.pipe(
  v.custom<string | { toString(): string }>((input) => typeof input === 'string' || isMultiaddr(input), ADDRESS),
  v.transform(String),
  v.check(parses, ADDRESS)
)

const listenAddress = v.pipe(
  address,
  v.check(
    isTcp,
    'must be a TCP address such as /ip4/0.0.0.0/tcp/4001: other transports are not supported by this build'
  )
)

/** How an address begins: a slip in the rest of it makes no path of a file. */
const ADDRESS_LIKE = /^\/(ip4|ip6|dns|dns4|dns6|dnsaddr)\//

/** One text is the address it reads as, or else the path of a file of addresses. */
const bootstrap = v.lazy((given) => {
  if (typeof given !== 'string') return v.array(address, BOOTSTRAP)
  if (parses(given) || ADDRESS_LIKE.test(given))
    return v.pipe(
      address,
      v.transform((one) => [one])
    )
  return v.pipe(
    v.string(BOOTSTRAP),
    v.minLength(1, BOOTSTRAP),
    v.transform((file) => ({ file }))
  )
})

const format = v.picklist(
  FORMATS,
  'must be messagepack or json: protobuf and erlang-term are not supported by this build'
)

const formats = v.pipe(
  v.array(format, 'must be a list of formats'),
  v.minLength(1, 'must name at least one format'),
  v.check((names) => new Set(names).size === names.length, 'must not name a format twice')
)

const PEER = 'must be a PeerId such as 12D3KooW…'

/** A PeerId, given as text or object, as its text. */
const peer = v.pipe(
  v.custom<string | { toString(): string }>(
    (input) => typeof input === 'string' || (typeof input === 'object' && input !== null && 'toMultihash' in input),
    PEER
  ),
  v.transform(String),
  v.check(isPeer, PEER)
)

const controlPlane = v.strictObject(
  {
    voters: v.optional(
      v.pipe(
        v.array(peer, 'must be a list of PeerIds'),
        v.maxLength(MAX_MEMBERS, `must name ${MAX_MEMBERS} PeerIds at most`),
        v.check((peers) => new Set(peers).size === peers.length, 'must not name a PeerId twice')
      ),
      []
    )
  },
  'must be an object'
)

const options = v.strictObject(
  {
    name: label,
    dataDir: path,
    listen: v.optional(v.array(listenAddress, 'must be a list of multiaddrs')),
    bootstrap: v.optional(bootstrap, []),
    region: label,
    zone: label,
    start: v.optional(flag, true),
    transports: v.optional(v.strictObject({ tcp: v.optional(flag, true) }, 'must be an object'), {}),
    formats: v.optional(formats, [...FORMATS]),
    debug: v.optional(flag, false),
    controlPlane: v.optional(controlPlane, {}),
    limits: v.optional(limits, {})
  },
  'must be an object'
)

/** The whole: across keys, and into the shape that the node uses. */
export const node = v.pipe(
  options,
  v.forward(
    v.check(
      ({ listen, transports }) => transports.tcp || (listen ?? []).length === 0,
      'must be empty without transports.tcp'
    ),
    ['listen']
  ),
  v.transform(({ listen, bootstrap, name, dataDir, region, zone, ...rest }) => ({
    ...rest,
    name,
    dataDir,
    region,
    zone,
    listen: listen ?? (rest.transports.tcp ? ['/ip4/127.0.0.1/tcp/0'] : []),
    bootstrap: Array.isArray(bootstrap) ? bootstrap : [],
    bootstrapFile: Array.isArray(bootstrap) ? undefined : bootstrap.file
  }))
)

function parses(text: string): boolean {
  try {
    return text.startsWith('/') && multiaddr(text).getComponents().length > 0
  } catch {
    return false
  }
}

function isPeer(text: string): boolean {
  try {
    return peerIdFromString(text).toString() === text
  } catch {
    return false
  }
}

/** What does not parse has been refused already. */
function isTcp(text: string): boolean {
  if (!parses(text)) return true
  const names = multiaddr(text)
    .getComponents()
    .map(({ name }) => name)
  return names.length === 2 + Number(names.includes('p2p')) && names[1] === 'tcp'
}

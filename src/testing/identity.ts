import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Dice } from '../runtime/ports.ts'

/** Who a simulated host is. It keeps this through a crash. */
export interface Identity {
  /** For people, traces and addresses. */
  readonly label: string
  /** A true Ed25519 PeerId as text, so that code that parses it works. */
  readonly peer: string
  readonly secret: Uint8Array
}

export async function createIdentity(label: string, dice: Dice): Promise<Identity> {
  const secret = dice.bytes(32)
  const key = await generateKeyPairFromSeed('Ed25519', secret)
  return { label, peer: peerIdFromPrivateKey(key).toString(), secret }
}

/** Labels are unique in a world, as an IP address and port are in ours. */
export function addressOf({ label, peer }: Identity): string {
  return `/memory/${label}/p2p/${peer}`
}

import { type Command, Option } from 'commander'
import { MeshError } from '../../../protocols/errors.ts'
import type { Register } from '../cli.ts'
import type { KeyFacts, KeyFormat } from '../identity.ts'
import { withJson } from '../options.ts'
import { Output } from '../output.ts'
import { dataOf } from '../session.ts'

interface Flags {
  data?: string
  json?: boolean
  format?: KeyFormat
}

export const keys: Register = (program, cli) => {
  const group = program.command('keys').description('the identity of the node of a data folder')
  const folder = (flags: Flags) => dataOf(cli, flags)
  withData(group.command('show').description('PeerId, public key and file')).action(async (flags: Flags) => {
    const { showIdentity } = await import('../identity.ts')
    show(new Output(cli, flags), await showIdentity(folder(flags)))
  })
  withData(group.command('generate').description('make an identity where there is none; never replaces one'))
    .addHelpText('after', '\nExample:\n  $ phoenix keys generate --data ./data')
    .action(async (flags: Flags) => {
      const { makeIdentity } = await import('../identity.ts')
      show(new Output(cli, flags), await makeIdentity(folder(flags)))
    })
  withData(group.command('export').description('the public key, for those who verify what this node signs'))
    .argument('<what>', 'public')
    .addOption(new Option('--format <format>').choices(['pem', 'protobuf']).default('pem'))
    .addHelpText('after', '\nExample:\n  $ phoenix keys export public > node.pem')
    .action(async (what: string, flags: Flags) => {
      if (what !== 'public') {
        throw new MeshError('ERR_USAGE', 'only the public key is exported: phoenix keys export public')
      }
      const { publicKeyOf } = await import('../identity.ts')
      const { format = 'pem' } = flags
      const key = await publicKeyOf(folder(flags), format)
      new Output(cli, flags).value({ format, key }, key.trimEnd())
    })
}

function withData(command: Command): Command {
  return withJson(command).option('--data <folder>', 'the data folder of the node (PHOENIX_DATA, ./data)')
}

function show(output: Output, facts: KeyFacts): void {
  const { peerId, type, publicKey, file } = facts
  output.value(facts, `PeerId      ${peerId}\ntype        ${type}\npublic key  ${publicKey}\nfile        ${file}`)
}

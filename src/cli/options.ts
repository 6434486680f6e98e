import { type Command, InvalidArgumentError, Option } from 'commander'

/** What every command that prints has. */
export function withJson(command: Command): Command {
  return command.option('--json', 'one JSON value, or one a line for a stream')
}

/** What every command that speaks to a mesh has. */
export function withSession(command: Command): Command {
  return withJson(command)
    .addOption(new Option('--data <folder>', 'speak to the node that runs on this folder (PHOENIX_DATA, ./data)'))
    .addOption(
      new Option('--bootstrap <address…>', 'join through this peer, or the peers in this file, for this command only')
        .argParser(collect)
        .conflicts('data')
    )
    .addOption(new Option('--join-timeout <ms>', 'how long joining may take').argParser(milliseconds).default(10_000))
}

/** Which member of a group a message is for. */
export function withTarget(command: Command): Command {
  return command
    .option('--type <type>', 'the type of the message')
    .option('--peer <peerId>', 'only the agent on this host')
    .option('--instance <id>', 'only this instance')
    .option('--key <key>', 'messages with one key go to one member, in order')
}

/** An option that may be given again and again. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

export const milliseconds = whole('a whole number of milliseconds')
export const count = whole('a whole number')

function whole(what: string): (text: string) => number {
  return (text) => {
    if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError(`It must be ${what}.`)
    return Number(text)
  }
}

/** The options that say what a message is, whoever sends, asks or publishes it. Any other is a slip of the pen. */
export const MESSAGE_OPTIONS: readonly string[] = [
  'type',
  'id',
  'subject',
  'datacontenttype',
  'dataschema',
  'priority',
  'consistency',
  'ordering',
  'group',
  'ttl'
]

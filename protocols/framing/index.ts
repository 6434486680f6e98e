export * from './constants.ts'
export * from './frame-reader.ts'
export * from './frame-writer.ts'
export * from './messages.ts'

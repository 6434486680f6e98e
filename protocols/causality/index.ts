export * from './block.ts'
export * from './codec.ts'
export * from './constants.ts'
export * from './messages.ts'

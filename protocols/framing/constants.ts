/** The priority lanes; one stream each, so that a bulk transfer never holds up a control message. */
export type Lane = 'control' | 'normal' | 'bulk'

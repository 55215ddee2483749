/** A place in an ordered list: the sort key and id of a row, and whether to read on from there or back. */
export interface Cursor {
  /** The list's order, so that a cursor of one order is not taken for another's. */
  order: string
  /** The sort key; empty where the order is by id alone. */
  key: string
  id: string
  direction: 'next' | 'previous'
}

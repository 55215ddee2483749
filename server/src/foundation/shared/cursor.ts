/** A position in an ordered list: the sort key and id of a row, and whether to read forward or backward from there. */
export interface Cursor {
  /** The list's order, so that a cursor of one order is not used for another. */
  order: string
  /** The sort key; empty if the order is by id alone. */
  key: string
  id: string
  direction: 'next' | 'previous'
}

import type { RecordRow } from '#engine/records/kind.ts'

/** What `npm run generate` makes of the migration of a real resource: its part of `tables.ts`. */
export interface ProductCategoryRow extends RecordRow {
  name: string
  description: string | null
  parent_id: string | null
  labels: string[]
  active: boolean
}

/** Its part of `columns.ts`. */
export const productCategories = {
  name: 'product_categories',
  columns: {
    active: 'boolean',
    business_id: 'uuid',
    created_at: 'timestamp with time zone',
    description: 'text?',
    id: 'uuid',
    labels: 'jsonb',
    name: 'text',
    parent_id: 'uuid?',
    updated_at: 'timestamp with time zone',
    version: 'integer',
  },
}

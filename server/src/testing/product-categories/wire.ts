import { type Static, Type } from 'typebox'
import type { Kind } from '#engine/records/kind.ts'
import { CursorPage, nullable, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import { type ProductCategoryRow, productCategories } from './generated.ts'

const fields = {
  name: plainText(255, { minLength: 1, description: 'Unique in the business.' }),
  description: nullable(plainText(255)),
  parent_id: nullable(Type.String({ format: 'uuid', description: 'The category that this one is part of.' })),
  labels: Type.Array(plainText(32), { maxItems: 20 }),
  active: Type.Boolean(),
}

/** The body of `PATCH`; absent fields stay unchanged. */
export const UpdateProductCategory = Type.Partial(Type.Object(fields))
export type UpdateProductCategory = Static<typeof UpdateProductCategory>

/** The body of `POST`. */
export const CreateProductCategory = Type.Object({ ...UpdateProductCategory.properties, name: fields.name })
export type CreateProductCategory = Static<typeof CreateProductCategory>

export const ProductCategory = Type.Object(
  { id: Type.String({ format: 'uuid' }), ...fields, created_at: Type.String(), updated_at: Type.String() },
  { title: 'ProductCategory' },
)
export type ProductCategory = Static<typeof ProductCategory>
export const ProductCategoryPage = CursorPage(ProductCategory, 'ProductCategoryPage')

export const ListProductCategories = Type.Object({
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
  cursor: Type.Optional(Type.String({ maxLength: 2048 })),
  parent_id: Type.Optional(Type.String({ format: 'uuid' })),
  active: Type.Optional(Type.Boolean()),
})

function presentProductCategory({ id, name, description, parent_id, labels, active, ...row }: ProductCategoryRow, { timezone }: Business): ProductCategory {
  const times = { created_at: formatBusinessTime(row.created_at, timezone), updated_at: formatBusinessTime(row.updated_at, timezone) }
  return { id, name, description, parent_id, labels, active, ...times }
}

export const productCategoryKind: Kind<ProductCategoryRow> = {
  name: 'ProductCategory',
  table: productCategories,
  path: '/v1/product-categories',
  events: 'product_category',
  taken: { product_categories_name: 'name' },
  present: presentProductCategory,
}

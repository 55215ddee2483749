import { type Fields, givenFields, type Tx } from '#engine/records/kind.ts'
import { records } from '#engine/records/records.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import { invalid } from '#foundation/shared/errors.ts'
import type { ProductCategoryRow } from './generated.ts'
import { CreateProductCategory, ListProductCategories, ProductCategory, ProductCategoryPage, productCategoryKind, UpdateProductCategory } from './wire.ts'

const blank: Fields<ProductCategoryRow> = { name: '', description: null, parent_id: null, labels: [], active: true }

/** Product categories, as an example of a plain resource: tests run it, and count its lines. */
export function productCategoriesRoutes(api: Api, deps: Deps): void {
  const categories = api.group('Product categories')
  const { operations, create, get, list, update, remove } = records(deps, productCategoryKind)
  const { path } = productCategoryKind
  const onePath = `${path}/:category_id`

  /** A category after a request's changes. Throws a 422 where its parent is unknown. */
  async function applyCategory<Row extends Fields<ProductCategoryRow>>(
    before: Row,
    { body, business }: Call<unknown, UpdateProductCategory>,
    tx: Tx,
  ): Promise<Row> {
    if (body.parent_id && !(await operations.table.find(tx, business.id, body.parent_id))) throw invalid({ parent_id: ['The selected parent id is invalid.'] })
    return { ...before, ...givenFields(UpdateProductCategory, body) }
  }

  categories.write(
    'POST',
    path,
    { operationId: 'createProductCategory', summary: 'Create a product category', body: CreateProductCategory, answers: { 201: ProductCategory } },
    (call) => create(call, (tx) => applyCategory(blank, call, tx)),
  )

  categories.read(
    path,
    { operationId: 'listProductCategories', summary: 'List product categories', query: ListProductCategories, answers: { 200: ProductCategoryPage } },
    (call) => list(call, { parent_id: call.query.parent_id, active: call.query.active }),
  )

  categories.read(onePath, { operationId: 'getProductCategory', summary: 'Get a product category', answers: { 200: ProductCategory, 304: null } }, get)

  categories.write(
    ['PUT', 'PATCH'],
    onePath,
    {
      operationId: ['updateProductCategory', 'patchProductCategory'],
      summary: 'Update a product category',
      ifMatch: true,
      body: UpdateProductCategory,
      answers: { 200: ProductCategory },
    },
    (call) => update(call, (before, _at, tx) => applyCategory(before, call, tx)),
  )

  categories.write(
    'DELETE',
    onePath,
    { operationId: 'deleteProductCategory', summary: 'Delete a product category', ifMatch: true, answers: { 204: null } },
    (call) => remove(call),
  )
}

import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import { decodeCursor, keysetPage } from '#foundation/http/pagination.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { listMails } from './queries.ts'
import { ListMails, MailPage, presentMail } from './wire.ts'

const order = 'id desc'

/** The emails to payers, for reading in the sandbox. */
export function mailsRoutes(api: Api, { database }: { database: Database }): void {
  const sandbox = api.group('Sandbox')
  sandbox.read(
    '/v1/sandbox/mails',
    {
      operationId: 'listSandboxMails',
      summary: 'List emails to payers',
      description:
        'Newest first. Without a mail server, emails are stored but not sent; with one, they are sent and also listed here. A live business gets 404.',
      query: ListMails,
      answers: { 200: MailPage },
    },
    async ({ business, query, baseUrl, rawQuery }) => {
      if (business.mode !== 'sandbox') throw new ApiError(404, 'route_not_found', 'Not Found')
      const cursor = query.cursor ? decodeCursor(query.cursor, order) : undefined
      const rows = await listMails(database.slow, business.id, { cursor, limit: query.per_page + 1 })
      const page = { order, cursor, perPage: query.per_page, path: `${baseUrl}/v1/sandbox/mails`, query: rawQuery }
      return { status: 200, body: keysetPage(rows, page, (row) => JSON.stringify(presentMail(row, business))) }
    },
  )
}

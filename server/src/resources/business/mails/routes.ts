import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { keysetPage, keysetRequest } from '#foundation/http/pagination.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { mailPages } from './queries.ts'
import { ListMails, MailPage, presentMail } from './wire.ts'

const order = 'id desc'

/** The emails to payers, for reading in the sandbox. */
export function mailsRoutes(api: Api, { database, groupAcrossBusinesses }: Pick<Deps, 'database' | 'groupAcrossBusinesses'>): void {
  const sandbox = api.group('Sandbox')
  const page = mailPages(database, groupAcrossBusinesses)
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
    async (call) => {
      const { business } = call
      if (business.mode !== 'sandbox') throw new ApiError(404, 'route_not_found', 'Not Found')
      const asked = keysetRequest(call, '/v1/sandbox/mails', order)
      return { status: 200, body: keysetPage(await page(business.id, asked), asked, (row) => JSON.stringify(presentMail(row, business))) }
    },
  )
}

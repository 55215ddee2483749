import { ownValue } from '@hawker/web/own-value'
import type { PageAnswer, PageCall } from '#foundation/http/api.ts'
import { languageOf } from './language.ts'
import { loadWeb, type Policy, pageAnswer } from './page.ts'

/** A business that a wrong link names: the payer can ask it. */
export interface LinkedBusiness {
  name: string
  url: string
}

/** The page that led here, if it was one of another site; a browser sends no more than its origin. */
function refererOf({ headers, address }: Pick<PageCall, 'headers' | 'address'>): URL | undefined {
  const url = URL.parse(headers.referer?.slice(0, 2_048) ?? '')
  return url && /^https?:$/.test(url.protocol) && url.origin !== address ? url : undefined
}

export type NoticeCall = Pick<PageCall<object, string, unknown>, 'query' | 'headers' | 'address'>

/** A 404 that a person can read. */
export const notFoundAnswer = (call: NoticeCall, known?: LinkedBusiness): Promise<PageAnswer> => noticeAnswer(call, 'not_found', 404, { known })

/** A page that says one thing, in the payer's language, with a way out: back to where they came from, or to the business. */
export async function noticeAnswer(
  call: NoticeCall,
  notice: 'not_found' | 'not_set_up',
  status: number,
  { known, policy = {} }: { known?: LinkedBusiness | undefined; policy?: Policy } = {},
): Promise<PageAnswer> {
  const { query, headers } = call
  const web = await loadWeb()
  const language = languageOf(query['lang'], headers['accept-language'], Object.keys(web.languages))
  const texts = new Map(Object.entries(ownValue(web.messagesOf, language) ?? {}))
  const referer = refererOf(call)
  const fill = (key: string, business: string) => (texts.get(key) ?? '').replace('{business}', () => business)
  const ways = [
    ...(referer ? [{ href: referer.href, text: fill('page.back', referer.host) }] : []),
    ...(known ? [{ href: known.url, text: fill('page.contact_link', known.name) }] : []),
  ]
  const { title, html } = web.renderNotice(notice, Object.fromEntries(texts), ways)
  return pageAnswer(status, { title, html, language, entry: 'src/ui/plain.ts' }, policy)
}

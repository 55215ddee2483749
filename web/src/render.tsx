import { renderToString } from 'preact-render-to-string'
import { CheckoutPage } from './checkout/CheckoutPage.tsx'
import type { CheckoutData } from './checkout/state.ts'
import { viewOf } from './checkout/view.ts'
import { type Language, languages } from './messages/languages.ts'
import { messagesOf } from './messages/messages.ts'
import { textsOf } from './ui/texts.tsx'

export { renderChallenge, renderPhone, renderWallet } from './sandbox/render.tsx'
export type { Language }
export { languages, messagesOf }

/** A page as HTML, before any script runs. */
export interface RenderedPage {
  title: string
  html: string
}

/** The hosted page. `data.messages` are those of its language, from `messagesOf`. */
export function renderCheckout(data: CheckoutData): RenderedPage {
  const { state, messages, language } = data
  const paid = viewOf(state, { leftAttempt: null, unanswered: false }) === 'paid'
  const title = textsOf(messages, language, state, state.business.time_zone).t(paid ? 'title.paid' : 'title.pay', { business: state.business.name })
  return { title, html: renderToString(<CheckoutPage {...data} />) }
}

/** A page with a single message. */
export function renderNotice(
  notice: 'not_found' | 'not_set_up',
  messages: Record<string, string>,
  ways: readonly { href: string; text: string }[],
): RenderedPage {
  const title = messages[`notice.${notice}.title`] ?? ''
  const html = renderToString(
    <main className="alone">
      <h1>{title}</h1>
      <p>{messages[`notice.${notice}.text`]}</p>
      {ways.map(({ href, text }) => (
        <a key={href} className="button button-quiet" href={href} rel="nofollow noreferrer">
          {text}
        </a>
      ))}
    </main>,
  )
  return { title, html }
}

import { AlertIcon, ClockIcon, PhoneIcon } from '../ui/icons.tsx'
import { useTexts } from '../ui/texts.tsx'
import { nameOf } from './method-name.ts'
import type { Checkout } from './use-checkout.ts'
import { safeUrl } from './view.ts'

/** The payer has to approve somewhere else. */
export function ActionNeeded({ checkout }: { checkout: Checkout }) {
  const { t, money } = useTexts()
  const { state, data, busy, leave } = checkout
  const { attempt } = state
  if (!attempt) return null
  const url = safeUrl(attempt.action_url)
  return (
    <section className="panel under-way">
      <span className="seal seal-wait">
        <PhoneIcon />
      </span>
      <h2 data-heading tabIndex={-1}>
        {t('action.title')}
      </h2>
      <p>{t('action.text', { amount: money(attempt.amount), method: nameOf(state, attempt.method, t) })}</p>
      {url && (
        <a className="button button-primary" href={url} aria-busy={busy} {...(data.embedded ? { target: '_blank', rel: 'noopener' } : {})}>
          {busy && <span className="spinner" />}
          {t('action.continue')}
        </a>
      )}
      <button type="button" className="button button-plain" onClick={leave}>
        {t('action.other')}
      </button>
    </section>
  )
}

/** The bank takes its time. */
export function Processing({ checkout }: { checkout: Checkout }) {
  const { t, money } = useTexts()
  const { attempt } = checkout.state
  if (!attempt) return null
  return (
    <section className="panel under-way">
      <span className="seal seal-wait seal-turning">
        <ClockIcon />
      </span>
      <h2 data-heading tabIndex={-1}>
        {t('processing.title')}
      </h2>
      <p role="status">{t('processing.text', { amount: money(attempt.amount), method: nameOf(checkout.state, attempt.method, t) })}</p>
      <p className="muted">{t('processing.safe')}</p>
    </section>
  )
}

/** A payment was sent, and the connection broke. */
export function Unsure({ checkout }: { checkout: Checkout }) {
  const { t } = useTexts()
  const { busy, again, leave } = checkout
  return (
    <section className="panel under-way">
      <span className="seal seal-warning">
        <AlertIcon />
      </span>
      <h2 data-heading tabIndex={-1}>
        {t('unsure.title')}
      </h2>
      <p>{t('unsure.text')}</p>
      <button type="button" className="button button-primary" onClick={again} disabled={busy}>
        {t('unsure.again')}
      </button>
      <button type="button" className="button button-plain" onClick={leave}>
        {t('action.other')}
      </button>
    </section>
  )
}

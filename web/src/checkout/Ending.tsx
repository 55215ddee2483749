import { useEffect, useState } from 'react'
import { brandName } from '../shared/card-brands.ts'
import { AlertIcon, BackIcon, CheckIcon, ClockIcon, CrossIcon } from '../ui/icons.tsx'
import { Time, useTexts } from '../ui/texts.tsx'
import { nameOf } from './method-name.ts'
import { Unapplied } from './notices.tsx'
import { Amount, AmountDue, BusinessMark, Row } from './Summary.tsx'
import type { Checkout } from './use-checkout.ts'
import { safeUrl } from './view.ts'

const redirectMilliseconds = 3_000

/** The pages on which nothing more can be paid. */
export function Ending({ checkout }: { checkout: Checkout }) {
  const { state, view } = checkout
  return (
    <>
      <BusinessMark business={state.business} />
      <section className="panel ending">{view === 'paid' ? <Paid checkout={checkout} /> : <Closed checkout={checkout} />}</section>
    </>
  )
}

const endings = {
  expired: { seal: 'seal-wait', icon: <ClockIcon /> },
  canceled: { seal: 'seal-quiet', icon: <CrossIcon /> },
  failed: { seal: 'seal-danger', icon: <CrossIcon /> },
  inactive: { seal: 'seal-quiet', icon: <AlertIcon /> },
} as const

function Closed({ checkout }: { checkout: Checkout }) {
  const { t } = useTexts()
  const { state, view, data } = checkout
  const { request, business } = state
  const end = view === 'expired' || view === 'canceled' || view === 'failed' ? view : 'inactive'
  const back = data.embedded ? null : safeUrl(request?.canceled_url)
  return (
    <>
      <span className={`seal ${endings[end].seal}`}>{endings[end].icon}</span>
      <h1 data-heading tabIndex={-1}>
        {t(`${end}.title`)}
      </h1>
      <p>{t(`${end}.text`, { business: business.name })}</p>
      <Unapplied checkout={checkout} />
      {(request?.amount || request?.reference_number) && (
        <dl className="totals">
          {request.amount && <Row name={t('summary.amount')} value={<Amount of={request.amount} />} />}
          {request.reference_number && <Row name={t('summary.reference')} value={request.reference_number} />}
        </dl>
      )}
      {back && (
        <a className="button button-quiet" href={back}>
          {t('page.back', { business: business.name })}
        </a>
      )}
    </>
  )
}

function Paid({ checkout }: { checkout: Checkout }) {
  const { t, money } = useTexts()
  const { state, data } = checkout
  const { request, paid, attempt, business } = state
  const method = paid?.method ?? attempt?.method ?? null
  const amount = paid?.amount ?? attempt?.amount ?? request?.amount ?? null
  const refunded = paid?.refunded ?? null
  const receipt = safeUrl(paid?.receipt_url)
  const back = data.embedded ? null : safeUrl(request?.completed_url)
  const again = () => {
    checkout.memory?.forgetAttempt()
    window.location.reload()
  }
  return (
    <>
      <span className={refunded === null ? 'seal seal-success' : 'seal seal-quiet'}>{refunded === null ? <CheckIcon /> : <BackIcon />}</span>
      <h1 data-heading tabIndex={-1}>
        {t(refunded === null ? 'paid.title' : refunded === amount ? 'refunded.title' : 'refunded.part_title')}
      </h1>
      {amount !== null && <AmountDue amount={amount} />}
      <p>{refunded === null ? t('paid.thanks', { business: business.name }) : t('refunded.text', { business: business.name, amount: money(refunded) })}</p>
      <Unapplied checkout={checkout} />
      <dl className="totals">
        {method && (
          <Row
            name={t('paid.method')}
            value={paid?.card ? t('card.ending', { brand: brandName(paid.card.brand), last4: paid.card.last4 }) : nameOf(state, method, t)}
          />
        )}
        {refunded !== null && <Row name={t('refunded.amount')} value={<Amount of={refunded} />} />}
        {paid && <Row name={t('paid.time')} value={<Time at={paid.at} />} />}
        {request?.purpose && <Row name={t('paid.purpose')} value={request.purpose} />}
        {request?.reference_number && <Row name={t('summary.reference')} value={request.reference_number} />}
      </dl>
      {back && <Back checkout={checkout} url={back} goes={refunded === null} />}
      {receipt && (
        <a className="button button-quiet" href={receipt} {...(data.embedded ? { target: '_blank', rel: 'noopener' } : {})}>
          {t('paid.receipt')}
        </a>
      )}
      {request?.repeated && !back && (
        <button type="button" className="button button-plain" onClick={again}>
          {t('paid.again')}
        </button>
      )}
      {!back && !data.embedded && <p className="muted small">{t('paid.close')}</p>}
    </>
  )
}

/** The redirect to the merchant, automatic after a moment unless the payment was refunded; only once, so that coming back does not redirect again. */
function Back({ checkout, url, goes }: { checkout: Checkout; url: string; goes: boolean }) {
  const { t } = useTexts()
  const { business } = checkout.state
  const [going, setGoing] = useState(false)
  const { memory } = checkout
  useEffect(() => {
    setGoing(goes && !memory?.sentBack())
  }, [memory, goes])
  useEffect(() => {
    if (!going) return
    const timer = setTimeout(() => {
      memory?.keepSentBack()
      window.location.assign(url)
    }, redirectMilliseconds)
    return () => clearTimeout(timer)
  }, [going, memory, url])
  return (
    <>
      <a className="button button-primary" href={url} onClick={() => memory?.keepSentBack()}>
        {t('page.back', { business: business.name })}
      </a>
      <p className="muted small going" role="status">
        {going ? t('paid.redirect', { business: business.name }) : ''}
      </p>
      {going && (
        <button type="button" className="button button-plain" onClick={() => setGoing(false)}>
          {t('paid.stay')}
        </button>
      )}
    </>
  )
}

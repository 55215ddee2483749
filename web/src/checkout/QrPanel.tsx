import { useCallback, useEffect, useRef, useState } from 'react'
import type { MessageKey } from '../messages/en.ts'
import { Refused } from '../shared/request.ts'
import { OutIcon, PhoneIcon, SaveIcon } from '../ui/icons.tsx'
import { QrCode } from '../ui/QrCode.tsx'
import { useTexts } from '../ui/texts.tsx'
import { useClock } from './live.ts'
import { nameOf } from './method-name.ts'
import { Beside, Failure, Notice, useShown, useUnappliedTexts } from './notices.tsx'
import type { PanelProps } from './panel.ts'
import { fetchCode } from './requests.ts'
import type { CheckoutCode } from './state.ts'
import { countdown, refusalText } from './view.ts'

/** Arrow keys pass over methods on the way to another; a code is created only for one that stays selected. */
const settleMilliseconds = 250
/** The page itself requests codes no more often than this. */
const leastPauseMilliseconds = 10_000

type Code = CheckoutCode & { amount: string; renewed: boolean }

/** A code to scan, renewed when it expires while someone is looking. */
export function QrPanel({ checkout, method, total, requireAmount }: PanelProps) {
  const { t } = useTexts()
  const { state, base, refresh } = checkout
  const asked = state.request?.amount === null
  const [code, setCode] = useState<Code | null>(null)
  const [fault, setFault] = useState<MessageKey | null>(null)
  const [loading, setLoading] = useState(!asked)
  const last = useRef(0)
  const present = useRef({ total, code })
  present.current = { total, code }

  const load = useCallback(
    async (amount: string | undefined) => {
      last.current = Date.now()
      setLoading(true)
      setFault(null)
      try {
        const made = await fetchCode(base, method.code, amount)
        const renewed = present.current.code !== null
        setCode({ ...made, amount: present.current.total ?? amount ?? '', renewed })
      } catch (error) {
        setFault(error instanceof Refused && error.code ? (refusalText(error.code) as MessageKey) : 'qr.failed')
        // If a code is refused, the request may have ended.
        void refresh()
      }
      setLoading(false)
    },
    [base, method.code, refresh],
  )

  useEffect(() => {
    if (asked) return
    const timer = setTimeout(() => void load(undefined), settleMilliseconds)
    return () => clearTimeout(timer)
  }, [asked, load])

  const ask = () => {
    const amount = requireAmount()
    if (amount && !loading) void load(amount.amount)
  }
  // A code says what it was made for; another amount needs another code.
  const stale = code !== null && asked && code.amount !== total
  return (
    <div className="qr">
      <Failure checkout={checkout} />
      <Fault fault={fault} />
      {code && !stale ? (
        <Shown checkout={checkout} method={method} code={code} loading={loading} renew={ask} since={last} fault={fault} />
      ) : loading ? (
        <div className="qr-frame qr-empty">
          <span className="spinner" />
          <p role="status">{t('qr.preparing')}</p>
        </div>
      ) : (
        <>
          <Beside checkout={checkout} text={fault ? t(fault) : null} />
          <button type="button" className="button button-primary" onClick={ask}>
            {t('qr.show')}
          </button>
        </>
      )}
    </div>
  )
}

/** Why there is no code, or no new one. */
function Fault({ fault }: { fault: MessageKey | null }) {
  const { t } = useTexts()
  const place = useRef<HTMLDivElement>(null)
  useShown(fault, place, { isOwn: false })
  return (
    <div className="failure" ref={place} tabIndex={-1}>
      {fault && (
        <Notice tone="danger" title={t('qr.no_code')}>
          <p>{t(fault)}</p>
        </Notice>
      )}
    </div>
  )
}

interface ShownProps extends Pick<PanelProps, 'checkout' | 'method'> {
  code: Code
  loading: boolean
  renew(): void
  since: { current: number }
  fault: MessageKey | null
}

function Shown({ checkout, method, code, loading, renew, since, fault }: ShownProps) {
  const { t, money } = useTexts()
  const { state } = checkout
  const { business } = state
  const name = nameOf(state, method.code, t)
  const unapplied = useUnappliedTexts(checkout).filter(({ open }) => open)
  const time = useClock(checkout.serverTime, code.expires_at !== null)
  const left = code.expires_at === null || time === null ? null : Date.parse(code.expires_at) - time
  const expired = left !== null && left <= 0
  useEffect(() => {
    if (!expired || loading || document.visibilityState !== 'visible') return
    if (Date.now() - since.current >= leastPauseMilliseconds) renew()
  })
  const says = expired ? t('qr.expired') : `${code.renewed ? `${t('qr.renewed')} ` : ''}${t('qr.waiting')}`
  return (
    <>
      <div className={expired ? 'qr-frame qr-over' : 'qr-frame'}>
        <QrCode rows={code.rows} label={t('qr.label', { method: name, amount: money(code.amount), business: business.name })} />
      </div>
      <p className="qr-amount">{money(code.amount)}</p>
      <p className="muted small">
        {t('qr.payee')}: <strong>{business.name}</strong>
      </p>
      <p className={expired ? 'qr-status' : 'qr-status qr-waiting'} role="status">
        {says}
      </p>
      {left !== null && !expired && <p className="muted small qr-left">{t('qr.valid', { time: countdown(left) })}</p>}
      <ol className="steps">
        <li>{t('qr.open_app', { method: name })}</li>
        <li className="for-pointers">{t('qr.scan')}</li>
        <li className="for-touch">{t('qr.save_first')}</li>
        <li>{t('qr.approve')}</li>
      </ol>
      {unapplied.map(({ id, text }) => (
        <p key={id} className="form-check">
          {text}
        </p>
      ))}
      <Beside checkout={checkout} text={fault ? t(fault) : null} />
      <div className="qr-actions">
        {code.app_url && (
          <a className="button button-primary for-touch" href={code.app_url}>
            <PhoneIcon />
            {t('qr.go')}
          </a>
        )}
        <a className="button button-quiet" href={code.image_url} download>
          <SaveIcon />
          {t('qr.save')}
        </a>
        {code.expires_at !== null && (
          <button type="button" className="button button-quiet" onClick={renew} aria-disabled={loading}>
            {t('qr.new')}
          </button>
        )}
        {business.sandbox && (
          <a className="button button-quiet button-test" href={`/sandbox/phone#code=${encodeURIComponent(code.payload)}`} target="_blank" rel="noopener">
            <OutIcon />
            {t('sandbox.phone')} <span className="visually-hidden">({t('page.new_tab')})</span>
          </a>
        )}
      </div>
    </>
  )
}

import { type ReactNode, useEffect, useRef, useState } from 'react'
import { tellFrame } from '../drop-in/tell-frame.ts'
import { languages } from '../messages/languages.ts'
import { ownValue } from '../shared/own-value.ts'
import { CrossIcon, ShieldIcon } from '../ui/icons.tsx'
import { useTexts } from '../ui/texts.tsx'
import type { CheckoutData } from './state.ts'
import type { Checkout } from './use-checkout.ts'
import { safeUrl } from './view.ts'

/** What surrounds every view: the test mode's banner, the way out of a frame, the languages, the contact. */
export function Chrome({ checkout, children }: { checkout: Checkout; children: ReactNode }) {
  const { t } = useTexts()
  const { data, state } = checkout
  return (
    <div className={data.embedded ? 'page page-embedded' : 'page'}>
      <header>
        {state.business.sandbox && (
          <p className="sandbox-banner">
            <strong>{t('sandbox.title')}</strong> <span>{t('sandbox.text')}</span>
          </p>
        )}
        <div className="top">
          <LanguageMenu data={data} />
          {data.embedded && (
            <button type="button" className="close" aria-label={t('page.close')} onClick={() => tellFrame({ type: 'toggle' })}>
              <CrossIcon />
            </button>
          )}
        </div>
      </header>
      {children}
      <footer className="footer">
        <p className="footer-secure">
          <ShieldIcon />
          {t('page.secure')}
        </p>
        {!data.embedded && <Contact checkout={checkout} />}
      </footer>
    </div>
  )
}

function Contact({ checkout }: { checkout: Checkout }) {
  const { t } = useTexts()
  const { name, support_email, support_url } = checkout.state.business
  const url = safeUrl(support_url) ?? (support_email ? `mailto:${support_email}` : null)
  if (!url) return null
  return (
    <p>
      {t('page.contact')} <a href={url}>{t('page.contact_link', { business: name })}</a>
    </p>
  )
}

/** Links to the same page in other languages: they work without a script, and with one keep the rest of the URL. */
function LanguageMenu({ data }: { data: CheckoutData }) {
  const { t } = useTexts()
  const [search, setSearch] = useState(() => knownSearch(data))
  const menu = useRef<HTMLDetailsElement>(null)
  useEffect(() => setSearch(window.location.search), [])
  useEffect(() => {
    const close = (event: Event) => {
      const open = menu.current
      if (!open?.open) return
      if (event instanceof KeyboardEvent ? event.key !== 'Escape' : open.contains(event.target as Node)) return
      open.open = false
      if (event instanceof KeyboardEvent) open.querySelector('summary')?.focus()
    }
    document.addEventListener('click', close)
    document.addEventListener('keydown', close)
    return () => {
      document.removeEventListener('click', close)
      document.removeEventListener('keydown', close)
    }
  }, [])
  return (
    <details className="language" ref={menu}>
      <summary>
        <span className="visually-hidden">{t('page.language')}: </span>
        {ownValue(languages, data.language) ?? data.language}
      </summary>
      <ul>
        {Object.entries(languages).map(([tag, name]) => (
          <li key={tag}>
            <a href={withLanguage(search, tag)} lang={tag} hrefLang={tag} aria-current={tag === data.language ? 'true' : undefined}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </details>
  )
}

/** The part of the URL that the server passes to the page. */
function knownSearch({ embedded, method, amount }: CheckoutData): string {
  const search = new URLSearchParams()
  if (method) search.set('method', method)
  if (amount) search.set('amount', amount)
  if (embedded) search.set('embed', '1')
  return search.toString()
}

function withLanguage(search: string, language: string): string {
  const all = new URLSearchParams(search)
  all.set('lang', language)
  return `?${all}`
}

import '../ui/theme.css'
import './styles/page.css'
import './styles/summary.css'
import './styles/methods.css'
import './styles/brands.css'
import './styles/codes.css'
import './styles/notices.css'
import './styles/endings.css'
import './styles/footer.css'
import './styles/sizes.css'
import { hydrateRoot } from 'react-dom/client'
import { CheckoutPage } from './CheckoutPage.tsx'

const data = JSON.parse(document.getElementById('data')?.textContent ?? '{}')
hydrateRoot(document.getElementById('page') as HTMLElement, <CheckoutPage {...data} />)

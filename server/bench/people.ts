import { searchable, searchTextOf } from '#foundation/shared/search-text.ts'

/** Given names, common ones first; the generators prefer the front of each list. */
export const givenNames = [
  ...['Wei Ming', 'Siti', 'Muhammad', 'Priya', 'Li Ting', 'Ahmad', 'Nurul', 'Jun Jie', 'Mei Ling', 'Kumar', 'Anh', 'Budi', 'Maria', 'Jia Hui', 'Farah'],
  ...['Hui Min', 'Arjun', 'Dewi', 'Somchai', 'Xin Yi', 'Aisyah', 'Zhi Hao', 'Lakshmi', 'Jose', 'Kai Xiang', 'Nguyễn Minh', 'Rizal', 'Shu Fen', 'Divya'],
  ...['Thanh', 'Putri', 'Jun Wei', 'Hafiz', 'Yi Xuan', 'Malai', 'Rajesh', 'Pei Shan', 'Angelica', 'Faizal', 'Zi Yang', 'Deepa', 'Agus', 'Kok Leong', 'Intan'],
  ...['Suresh', 'Hui Ling', 'Grace', 'Azlan', 'Meera', 'Boon Kiat', 'Wulan', 'Phuong', 'Vijay', 'Sri', 'Daniel', 'Sakura', 'Rosnah', 'Ethan', 'Kavitha'],
  ...['Yusof', 'Nattapong', 'Chloe', 'Gopal', 'Halim', 'Bee Hoon', 'Joko', 'Trang', 'Ravi', 'Zainab', 'Elena', 'Cheng Yu', 'Murugan', 'Tuyết', 'Oscar'],
  ...['கவிதா', 'สมชาย', 'முருகன்', 'Quỳnh', 'อรุณี', 'Xavier', 'Ophelia', 'Zulkifli', 'Yvonne', 'Hjalmar'],
]

/** Family names and patronymics, common ones first. */
export const familyNames = [
  ...['Tan', 'Lim', 'Lee', 'Ng', 'Wong', 'Chan', 'Ong', 'Goh', 'Koh', 'Nguyen', 'bin Abdullah', 'binti Hassan', 'Santos', 'Chua', 'Teo', 'Nair', 'Ang'],
  ...['Tran', 'Wijaya', 'Reyes', 'Yeo', 'Low', 'bin Ismail', 'Pillai', 'Ho', 'Toh', 'Sim', 'Pham', 'Chong', 'Cruz', 'Chia', 'Santoso', 'binti Rahman'],
  ...['Raman', 'Quek', 'Foo', 'Bautista', 'Seah', 'Le', 'Saetang', 'Krishnan', 'Hartono', 'Phua', 'Garcia', 'bin Yusof', 'Kwek', 'Vo', 'Menon', 'Sia'],
  ...['Halim', 'Loh', 'Subramaniam', 'Dang', 'Mendoza', 'Chew', 'Gunawan', 'Heng', 'binti Osman', 'Bui', 'Iyer', 'Kang', 'Wongsakul', 'Soh', 'Aquino'],
  ...['நாயர்', 'ใจดี', 'Do', 'Fernandez', 'Yap', 'Suryadi', 'Leong', 'Rajan', 'Peh', 'Ngo', 'Kusuma', 'Villanueva', 'Thevar', 'Zhuang', 'Okonkwo'],
]

/** Names of one customer in twenty thousand each: what a selective search looks for. */
export const rareNames = [
  ...['Xochitl', 'Wyndham', 'Fjodor', 'Zbigniew', 'Qazvini', 'Ykwame', 'Oihana', 'Ngcobo', 'Eowyn', 'Umtali', 'Vjeko', 'Ixchel', 'Kthulu', 'Aoife'],
  ...['Llywelyn', 'Tzipora', 'Uyghur', 'Mbappe', 'Hvezda', 'Wojciech'],
]
const rareShare = 0.001

export const domains = ['gmail.com', 'yahoo.com.sg', 'hotmail.com', 'outlook.sg', 'singnet.com.sg', 'example.my', 'mail.co.id', 'company.vn']

export interface Person {
  name: string
  email: string
  phone: string
}

const pick = <Value>(values: readonly Value[], at: number): Value => values[Math.min(values.length - 1, Math.floor(at * values.length))] as Value

/** The part of an email address that a name gives: its letters, or `user` if it has none in ASCII. */
export const mailPart = (name: string): string =>
  searchable(name)
    .replace(/[^a-z]/g, '')
    .slice(0, 12) || 'user'

/** A plausible person whose email address no other number shares. */
export function personOf(unique: number, random: () => number = Math.random): Person {
  const given = random() < rareShare ? pick(rareNames, random()) : pick(givenNames, random() ** 2)
  const family = pick(familyNames, random() ** 2)
  const email = `${mailPart(given)}.${mailPart(family)}${unique}@${pick(domains, random())}`
  return { name: `${given} ${family}`, email, phone: `${random() < 0.4 ? 8 : 9}${String(Math.floor(random() * 1e7)).padStart(7, '0')}` }
}

/** The search text that the server stores for a person. */
export const searchOf = ({ name, email, phone }: Person): string => searchTextOf([name, email, phone, `65${phone}`])

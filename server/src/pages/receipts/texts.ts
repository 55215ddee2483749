/** The texts of a receipt around its figures. `{name}` and `{date}` are filled in. */
export interface Texts {
  receipt: string
  paid: string
  refunded: string
  partially_refunded: string
  amountPaid: string
  date: string
  method: string
  card: string
  cash: string
  inPerson: string
  purpose: string
  reference: string
  payment: string
  payer: string
  items: string
  itemsAsGiven: string
  subtotal: string
  adminFee: string
  total: string
  refundOn: string
  refundPending: string
  net: string
  late: string
  duplicate: string
  short: string
  over: string
  test: string
  scan: string
  download: string
  language: string
  questions: string
  unprintable: string
  notFound: string
  notFoundText: string
}

const en: Texts = {
  receipt: 'Receipt',
  paid: 'Paid',
  refunded: 'Refunded',
  partially_refunded: 'Partly refunded',
  amountPaid: 'Amount paid',
  date: 'Date',
  method: 'Paid with',
  card: 'Card',
  cash: 'Cash',
  inPerson: 'Card, in person',
  purpose: 'For',
  reference: 'Reference',
  payment: 'Payment ID',
  payer: 'Paid by',
  items: 'Items',
  itemsAsGiven: 'The items are shown as the merchant sent them; they do not add up to the amount paid.',
  subtotal: 'Subtotal',
  adminFee: 'Admin fee',
  total: 'Total paid',
  refundOn: 'Refund of {date}',
  refundPending: 'Refund in progress, {date}',
  net: 'Paid after refunds',
  late: 'This payment arrived after its payment request had ended, so it was not applied to the request.',
  duplicate: 'The payment request had already been paid, so this payment was not applied to it.',
  short: 'Less was paid than the request asks for, so this payment was not applied to it.',
  over: 'More was paid than the request asks for, so this payment was not applied to it.',
  test: 'This is a test; no money was moved.',
  scan: 'Scan to open this receipt',
  download: 'Download PDF',
  language: 'Language',
  questions: 'Questions about this payment? Ask {name}.',
  unprintable: '□ replaces a character that cannot be printed here; the receipt’s page shows it.',
  notFound: 'Receipt not found',
  notFoundText: 'There is no receipt at this address. Check that the link is complete, or ask the merchant for it again.',
}

const zh: Texts = {
  receipt: '收据',
  paid: '已付款',
  refunded: '已退款',
  partially_refunded: '部分退款',
  amountPaid: '支付金额',
  date: '日期',
  method: '付款方式',
  card: '银行卡',
  cash: '现金',
  inPerson: '刷卡（门店）',
  purpose: '用途',
  reference: '参考号',
  payment: '付款编号',
  payer: '付款人',
  items: '项目',
  itemsAsGiven: '项目按商家提供的内容显示，其合计与支付金额不符。',
  subtotal: '小计',
  adminFee: '手续费',
  total: '支付总额',
  refundOn: '退款（{date}）',
  refundPending: '退款处理中（{date}）',
  net: '退款后实付金额',
  late: '此款项在付款请求结束后才到账，因此未计入该请求。',
  duplicate: '该付款请求此前已付清，因此此款项未计入该请求。',
  short: '所付金额少于付款请求的金额，因此未计入该请求。',
  over: '所付金额多于付款请求的金额，因此未计入该请求。',
  test: '这是测试，没有发生真实的资金往来。',
  scan: '扫码查看此收据',
  download: '下载 PDF',
  language: '语言',
  questions: '对此付款有疑问？请联系 {name}。',
  unprintable: '□ 表示此处无法打印的字符；收据网页会正常显示。',
  notFound: '找不到收据',
  notFoundText: '此地址没有收据。请检查链接是否完整，或向商家重新索取。',
}

const ms: Texts = {
  receipt: 'Resit',
  paid: 'Telah dibayar',
  refunded: 'Dibayar balik',
  partially_refunded: 'Sebahagian dibayar balik',
  amountPaid: 'Jumlah dibayar',
  date: 'Tarikh',
  method: 'Dibayar dengan',
  card: 'Kad',
  cash: 'Tunai',
  inPerson: 'Kad, di kedai',
  purpose: 'Untuk',
  reference: 'Rujukan',
  payment: 'ID pembayaran',
  payer: 'Dibayar oleh',
  items: 'Butiran',
  itemsAsGiven: 'Butiran ditunjukkan seperti yang dihantar oleh peniaga; jumlahnya tidak sama dengan amaun yang dibayar.',
  subtotal: 'Subjumlah',
  adminFee: 'Yuran pentadbiran',
  total: 'Jumlah keseluruhan dibayar',
  refundOn: 'Bayaran balik pada {date}',
  refundPending: 'Bayaran balik sedang diproses, {date}',
  net: 'Jumlah selepas bayaran balik',
  late: 'Bayaran ini diterima selepas permintaan bayaran tamat, jadi ia tidak dikira untuk permintaan itu.',
  duplicate: 'Permintaan bayaran itu telah pun dibayar, jadi bayaran ini tidak dikira untuknya.',
  short: 'Bayaran ini kurang daripada jumlah yang diminta, jadi ia tidak dikira untuk permintaan itu.',
  over: 'Bayaran ini melebihi jumlah yang diminta, jadi ia tidak dikira untuk permintaan itu.',
  test: 'Ini ialah ujian; tiada wang yang dipindahkan.',
  scan: 'Imbas untuk membuka resit ini',
  download: 'Muat turun PDF',
  language: 'Bahasa',
  questions: 'Ada soalan tentang bayaran ini? Tanya {name}.',
  unprintable: '□ menggantikan aksara yang tidak dapat dicetak di sini; halaman resit memaparkannya.',
  notFound: 'Resit tidak ditemui',
  notFoundText: 'Tiada resit di alamat ini. Pastikan pautan lengkap, atau minta semula daripada peniaga.',
}

const id: Texts = {
  receipt: 'Tanda terima',
  paid: 'Lunas',
  refunded: 'Dana dikembalikan',
  partially_refunded: 'Sebagian dikembalikan',
  amountPaid: 'Jumlah dibayar',
  date: 'Tanggal',
  method: 'Dibayar dengan',
  card: 'Kartu',
  cash: 'Tunai',
  inPerson: 'Kartu, di tempat',
  purpose: 'Untuk',
  reference: 'Referensi',
  payment: 'ID pembayaran',
  payer: 'Dibayar oleh',
  items: 'Rincian',
  itemsAsGiven: 'Rincian ditampilkan seperti yang dikirim penjual; jumlahnya tidak sama dengan jumlah yang dibayar.',
  subtotal: 'Subtotal',
  adminFee: 'Biaya admin',
  total: 'Total dibayar',
  refundOn: 'Pengembalian dana, {date}',
  refundPending: 'Pengembalian dana sedang diproses, {date}',
  net: 'Total setelah pengembalian dana',
  late: 'Pembayaran ini masuk setelah permintaan pembayaran berakhir, sehingga tidak diperhitungkan untuk permintaan itu.',
  duplicate: 'Permintaan pembayaran ini sudah dibayar sebelumnya, sehingga pembayaran ini tidak diperhitungkan.',
  short: 'Jumlah yang dibayar kurang dari yang diminta, sehingga pembayaran ini tidak diperhitungkan untuk permintaan itu.',
  over: 'Jumlah yang dibayar lebih dari yang diminta, sehingga pembayaran ini tidak diperhitungkan untuk permintaan itu.',
  test: 'Ini hanya uji coba; tidak ada uang yang berpindah.',
  scan: 'Pindai untuk membuka tanda terima ini',
  download: 'Unduh PDF',
  language: 'Bahasa',
  questions: 'Ada pertanyaan tentang pembayaran ini? Hubungi {name}.',
  unprintable: '□ menggantikan karakter yang tidak dapat dicetak di sini; halaman tanda terima menampilkannya.',
  notFound: 'Tanda terima tidak ditemukan',
  notFoundText: 'Tidak ada tanda terima di alamat ini. Pastikan tautan lengkap, atau minta lagi kepada penjual.',
}

const th: Texts = {
  receipt: 'ใบเสร็จรับเงิน',
  paid: 'ชำระแล้ว',
  refunded: 'คืนเงินแล้ว',
  partially_refunded: 'คืนเงินบางส่วน',
  amountPaid: 'ยอดที่ชำระ',
  date: 'วันที่',
  method: 'ชำระด้วย',
  card: 'บัตร',
  cash: 'เงินสด',
  inPerson: 'บัตร (ที่ร้าน)',
  purpose: 'สำหรับ',
  reference: 'เลขอ้างอิง',
  payment: 'รหัสการชำระเงิน',
  payer: 'ผู้ชำระเงิน',
  items: 'รายการ',
  itemsAsGiven: 'รายการแสดงตามที่ร้านค้าส่งมา ยอดรวมไม่ตรงกับยอดที่ชำระ',
  subtotal: 'ยอดรวมย่อย',
  adminFee: 'ค่าธรรมเนียม',
  total: 'ยอดชำระทั้งสิ้น',
  refundOn: 'คืนเงินวันที่ {date}',
  refundPending: 'กำลังคืนเงิน {date}',
  net: 'ยอดชำระหลังหักเงินคืน',
  late: 'การชำระเงินนี้เข้ามาหลังจากคำขอชำระเงินสิ้นสุดแล้ว จึงไม่ถูกนับรวมในคำขอนั้น',
  duplicate: 'คำขอชำระเงินนี้ได้รับการชำระไปก่อนแล้ว การชำระเงินครั้งนี้จึงไม่ถูกนับรวม',
  short: 'ยอดที่ชำระน้อยกว่ายอดที่ขอ จึงไม่ถูกนับรวมในคำขอนั้น',
  over: 'ยอดที่ชำระมากกว่ายอดที่ขอ จึงไม่ถูกนับรวมในคำขอนั้น',
  test: 'นี่เป็นการทดสอบ ไม่มีการโอนเงินจริง',
  scan: 'สแกนเพื่อเปิดใบเสร็จนี้',
  download: 'ดาวน์โหลด PDF',
  language: 'ภาษา',
  questions: 'มีคำถามเกี่ยวกับการชำระเงินนี้ โปรดติดต่อ {name}',
  unprintable: '□ ใช้แทนอักขระที่พิมพ์ในเอกสารนี้ไม่ได้ ดูได้ที่หน้าเว็บของใบเสร็จ',
  notFound: 'ไม่พบใบเสร็จ',
  notFoundText: 'ไม่มีใบเสร็จที่ที่อยู่นี้ โปรดตรวจสอบว่าลิงก์ครบถ้วน หรือขอลิงก์จากร้านค้าอีกครั้ง',
}

const vi: Texts = {
  receipt: 'Biên nhận',
  paid: 'Đã thanh toán',
  refunded: 'Đã hoàn tiền',
  partially_refunded: 'Đã hoàn một phần',
  amountPaid: 'Số tiền đã trả',
  date: 'Ngày',
  method: 'Thanh toán bằng',
  card: 'Thẻ',
  cash: 'Tiền mặt',
  inPerson: 'Thẻ, tại cửa hàng',
  purpose: 'Nội dung',
  reference: 'Mã tham chiếu',
  payment: 'Mã thanh toán',
  payer: 'Người thanh toán',
  items: 'Chi tiết',
  itemsAsGiven: 'Các mục được hiển thị như người bán đã gửi; tổng của chúng không khớp với số tiền đã trả.',
  subtotal: 'Tạm tính',
  adminFee: 'Phí dịch vụ',
  total: 'Tổng số tiền đã trả',
  refundOn: 'Hoàn tiền ngày {date}',
  refundPending: 'Đang hoàn tiền, {date}',
  net: 'Còn lại sau hoàn tiền',
  late: 'Khoản tiền này đến sau khi yêu cầu thanh toán đã kết thúc nên không được tính vào yêu cầu đó.',
  duplicate: 'Yêu cầu thanh toán này đã được trả trước đó nên khoản tiền này không được tính vào.',
  short: 'Số tiền đã trả ít hơn số tiền được yêu cầu nên không được tính vào yêu cầu đó.',
  over: 'Số tiền đã trả nhiều hơn số tiền được yêu cầu nên không được tính vào yêu cầu đó.',
  test: 'Đây là thử nghiệm; không có tiền nào được chuyển.',
  scan: 'Quét mã để mở biên nhận này',
  download: 'Tải PDF',
  language: 'Ngôn ngữ',
  questions: 'Có thắc mắc về khoản thanh toán này? Hãy hỏi {name}.',
  unprintable: '□ thay cho ký tự không in được ở đây; trang biên nhận hiển thị ký tự đó.',
  notFound: 'Không tìm thấy biên nhận',
  notFoundText: 'Không có biên nhận tại địa chỉ này. Hãy kiểm tra xem liên kết có đầy đủ không, hoặc xin lại từ người bán.',
}

const ta: Texts = {
  receipt: 'ரசீது',
  paid: 'செலுத்தப்பட்டது',
  refunded: 'பணம் திருப்பித் தரப்பட்டது',
  partially_refunded: 'பகுதி திருப்பித் தரப்பட்டது',
  amountPaid: 'செலுத்திய தொகை',
  date: 'தேதி',
  method: 'செலுத்திய முறை',
  card: 'அட்டை',
  cash: 'ரொக்கம்',
  inPerson: 'அட்டை, நேரில்',
  purpose: 'நோக்கம்',
  reference: 'குறிப்பு எண்',
  payment: 'கட்டண எண்',
  payer: 'செலுத்தியவர்',
  items: 'பொருட்கள்',
  itemsAsGiven: 'வணிகர் அனுப்பியபடி பொருட்கள் காட்டப்படுகின்றன; அவற்றின் கூட்டுத்தொகை செலுத்திய தொகையுடன் பொருந்தவில்லை.',
  subtotal: 'துணைத்தொகை',
  adminFee: 'நிர்வாகக் கட்டணம்',
  total: 'மொத்தம் செலுத்தியது',
  refundOn: 'திருப்பிய பணம், {date}',
  refundPending: 'பணம் திருப்பப்படுகிறது, {date}',
  net: 'திருப்பிய பணம் போக மீதம்',
  late: 'கட்டணக் கோரிக்கை முடிந்த பிறகு இந்தப் பணம் வந்ததால், அது அந்தக் கோரிக்கையில் சேர்க்கப்படவில்லை.',
  duplicate: 'இந்தக் கட்டணக் கோரிக்கைக்கு ஏற்கனவே பணம் செலுத்தப்பட்டதால், இந்தப் பணம் அதில் சேர்க்கப்படவில்லை.',
  short: 'கேட்ட தொகையை விடக் குறைவாகச் செலுத்தப்பட்டதால், இந்தப் பணம் கோரிக்கையில் சேர்க்கப்படவில்லை.',
  over: 'கேட்ட தொகையை விட அதிகமாகச் செலுத்தப்பட்டதால், இந்தப் பணம் கோரிக்கையில் சேர்க்கப்படவில்லை.',
  test: 'இது ஒரு சோதனை; பணம் எதுவும் மாற்றப்படவில்லை.',
  scan: 'ரசீதைத் திறக்க ஸ்கேன் செய்யவும்',
  download: 'PDF பதிவிறக்கு',
  language: 'மொழி',
  questions: 'இந்தக் கட்டணம் பற்றிய கேள்விகளா? {name} இடம் கேளுங்கள்.',
  unprintable: '□ என்பது இங்கு அச்சிட முடியாத எழுத்தைக் குறிக்கிறது; ரசீதின் பக்கத்தில் அதைக் காணலாம்.',
  notFound: 'ரசீது கிடைக்கவில்லை',
  notFoundText: 'இந்த முகவரியில் ரசீது இல்லை. இணைப்பு முழுமையாக உள்ளதா எனச் சரிபார்க்கவும், அல்லது வணிகரிடம் மீண்டும் கேட்கவும்.',
}

export const texts = { en, 'zh-Hans': zh, ms, id, th, vi, ta } satisfies Record<string, Texts>

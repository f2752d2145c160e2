# 通知文案（中文）。每种通知一条，`.title` 是标题。YUAN() 与 CLOCK() 见 texts.py。

order-paid = 您购买的 { $item_zh } × { $units } 已付款 { YUAN($amount_fen) }（{ CLOCK($at) }），即将从产地发出。订单号 { $order }。
    .title = 已付款：{ $item_zh }

order-cancelled =
    { $reason ->
        [buyer] 您已取消订单
        [expired] 订单超时未付款，已失效
        [payment_declined] 付款未成功，订单已失效
       *[county] 县电商中心取消了您的订单
    }：{ $item_zh } × { $units }（{ CLOCK($at) }）。{ $refund_fen ->
        [0] 未产生扣款。
       *[other] { YUAN($refund_fen) } 将退还给您。
    }订单号 { $order }。
    .title = 订单已取消：{ $item_zh }

order-returned =
    已收到您退回的 { $item_zh } × { $units }（{ CLOCK($at) }）。{ $refund_fen ->
        [0] 无需退款。
       *[other] { YUAN($refund_fen) } 将退还给您。
    }订单号 { $order }。
    .title = 已退货：{ $item_zh }

waitlist-offered = 您候补的 { $item_zh } × { $units } 已有货，应付 { YUAN($amount_fen) }，请在 { CLOCK($until) } 前付款，逾期将顺延给下一位。订单号 { $order }。
    .title = 候补成功，{ CLOCK($until) } 前付款：{ $item_zh }

preorder-placed = 您候补的 { $item_zh } 本批次已售完，已为您预订下一批次 × { $units }（预计 { $expected_on } 采收），上架时优先通知您，目前无需付款。
    .title = 已预订下一批：{ $item_zh }

parcel-shipped =
    { $orders ->
        [1] 您的包裹
       *[other] 您的包裹（含 { $orders } 笔订单）
    }已于 { CLOCK($at) } 交由 { $carrier } 运送，运单号 { $tracking_number }。
    .title = 已发货：{ $tracking_number }

parcel-delivered =
    { $orders ->
        [1] 您的包裹
       *[other] 您的包裹（含 { $orders } 笔订单）
    }已于 { CLOCK($at) } 送达。包裹号 { $parcel }。
    .title = 包裹已送达

allotment-closed =
    { $item_zh }（{ $slot ->
        [0] 日常货架
       *[other] 直播第 { $slot } 档
    }）已于 { CLOCK($at) } 结束销售：投放 { $offered }，售出 { $sold }，{ $returned ->
        [0] 全部售罄。
       *[other] 退回库存 { $returned }。
    }
    .title = 销售结束：{ $item_zh }，售出 { $sold }

allotment-corrected =
    更正（第 { $revision } 版）：{ $item_zh }（{ $slot ->
        [0] 日常货架
       *[other] 直播第 { $slot } 档
    }）投放 { $offered }，现售出 { $sold }，退回库存 { $returned }。以本通知为准。
    .title = 更正：{ $item_zh }，售出 { $sold }

item-on-screen = { $item_zh } 正在《{ $programme }》直播间展示，直播价 { YUAN($price_fen) }，{ CLOCK($at) } 至 { CLOCK($until) }，共投放 { $offered } 份，请做好备货。
    .title = 正在直播：{ $item_zh }

show-started = 《{ $programme }》已于 { CLOCK($at) } 开播。
    .title = 开播：{ $programme }

show-ended = 《{ $programme }》（{ CLOCK($started) } 开播）已于 { CLOCK($at) } 结束，未售出的货品退回库存。
    .title = 直播结束：{ $programme }

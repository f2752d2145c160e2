# Texts of notices in English. One message a kind; `.title` is its subject line. YUAN() and CLOCK() are in texts.py.

order-paid =
    { $units ->
        [one] Your order of one { $item_en } is paid: { YUAN($amount_fen) }, { CLOCK($at) }. It leaves the village soon. Order { $order }.
       *[other] Your order of { $units } × { $item_en } is paid: { YUAN($amount_fen) }, { CLOCK($at) }. It leaves the village soon. Order { $order }.
    }
    .title = Paid: { $item_en }

order-cancelled =
    { $reason ->
        [buyer] You cancelled your order
        [expired] Your order was not paid in time and has lapsed
        [payment_declined] The payment was declined and your order has lapsed
       *[county] The county office had to cancel your order
    } ({ $units } × { $item_en }, { CLOCK($at) }). { $refund_fen ->
        [0] Nothing was charged.
       *[other] { YUAN($refund_fen) } is paid back to you.
    } Order { $order }.
    .title = Cancelled: { $item_en }

order-returned =
    We have your return of { $units } × { $item_en } ({ CLOCK($at) }). { $refund_fen ->
        [0] No money is due.
       *[other] { YUAN($refund_fen) } is paid back to you.
    } Order { $order }.
    .title = Returned: { $item_en }

waitlist-offered =
    You waited for { $units } × { $item_en }: it is yours for { YUAN($amount_fen) } if you pay until { CLOCK($until) }. After that it goes to who waits behind you. Order { $order }.
    .title = Yours until { CLOCK($until) }: { $item_en }

preorder-placed =
    Nothing of { $item_en } came back to the waitlist. You are down for { $units } of the next lot, expected on { $expected_on }: when it is sold you are asked first. Nothing is to be paid yet.
    .title = Ordered ahead: { $item_en }

parcel-shipped =
    { $orders ->
        [one] Your parcel is
       *[other] Your parcel with { $orders } orders is
    } on its way with { $carrier } since { CLOCK($at) }; tracking number { $tracking_number }.
    .title = On its way: { $tracking_number }

parcel-delivered =
    { $orders ->
        [one] Your parcel was
       *[other] Your parcel with { $orders } orders was
    } delivered, { CLOCK($at) }. Parcel { $parcel }.
    .title = Delivered

allotment-closed =
    { $item_en }, { $slot ->
        [0] from the shelf
       *[other] slot { $slot } of the show
    }: sale closed { CLOCK($at) }. Of { $offered } offered, { $sold } were sold and { $returned ->
        [0] none goes back to stock: sold out.
        [one] one goes back to stock.
       *[other] { $returned } go back to stock.
    }
    .title = Sale closed: { $item_en }, { $sold } sold

allotment-corrected =
    Correction { $revision } for { $item_en }, { $slot ->
        [0] from the shelf
       *[other] slot { $slot } of the show
    }: of { $offered } offered, { $sold } are sold now and { $returned } go back to stock. This replaces what we told you before.
    .title = Correction: { $item_en }, { $sold } sold

item-on-screen =
    { $item_en } is on screen now in “{ $programme }” at { YUAN($price_fen) }, from { CLOCK($at) } to { CLOCK($until) }; { $offered ->
        [one] one unit is
       *[other] { $offered } units are
    } on offer. Please be ready to pack.
    .title = On screen now: { $item_en }

show-started =
    “{ $programme }” has been live since { CLOCK($at) }.
    .title = Live: { $programme }

show-ended =
    “{ $programme }”, live since { CLOCK($started) }, ended { CLOCK($at) }. What was not sold goes back to stock.
    .title = Ended: { $programme }

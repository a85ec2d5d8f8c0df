//! The same phone number under its other scheme, in SQL.

/// The same phone number under the other scheme (`sms:`, `whatsapp:`): it belongs to the same person. Null for other
/// addresses.
macro_rules! same_phone {
    ($address:literal) => {
        concat!(
            "CASE WHEN ",
            $address,
            " LIKE 'whatsapp:+%' THEN 'sms:' || substr(",
            $address,
            ", 10) WHEN ",
            $address,
            " LIKE 'sms:+%' THEN 'whatsapp:' || substr(",
            $address,
            ", 5) END"
        )
    };
}
pub(super) use same_phone;

//! What a tenant may spend on messages.

/// `[budget]`: amounts in millionths of the tenant's currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BudgetPolicy {
    /// In a day of the tenant's time zone.
    pub per_day_micros: Option<i64>,
    /// In a calendar month of the tenant's time zone.
    pub per_month_micros: Option<i64>,
    /// From which share of a budget on the metrics say so, 0 to 1.
    pub alert_at: f64,
    /// Whether messages that are not urgent wait when a budget is spent.
    pub hard_stop: bool,
}

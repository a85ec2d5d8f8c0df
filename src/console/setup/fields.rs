//! Fields of forms whose names have numbers in them.

use serde::Deserialize;

/// The fields of a form, as they were sent.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// A text of one line, without what no line has.
    #[must_use]
    pub fn line(&self, name: &str, longest: usize) -> String {
        let plain = self.raw(name).chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.collect::<String>().trim().chars().take(longest).collect()
    }

    /// A text of several lines.
    #[must_use]
    pub fn text(&self, name: &str, longest: usize) -> String {
        let unified = self.raw(name).replace("\r\n", "\n");
        let plain = unified.chars().filter(|c| *c == '\n' || !c.is_control());
        plain.collect::<String>().trim().chars().take(longest).collect()
    }

    /// Whether a box is checked: one that is not is not sent.
    #[must_use]
    pub fn is_checked(&self, name: &str) -> bool {
        !self.raw(name).is_empty()
    }

    /// The numbers for which there is a field `name_0`, `name_1`, …, in their order.
    #[must_use]
    pub fn numbers(&self, name: &str) -> Vec<usize> {
        let numbers = self.0.iter().filter_map(|(own, _)| own.strip_prefix(name)?.strip_prefix('_')?.parse().ok());
        let mut numbers: Vec<usize> = numbers.collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Query;

    use super::*;

    #[test]
    fn fields_are_cut_to_what_they_may_be() {
        let sent = "csrf=x&name=%20Chez%0AAwa%00%20&text=a%0D%0Ab%07&name_2=b&name_0=a&name_x=c&box=yes";
        let Query(fields): Query<Fields> = Query::from_query(sent).unwrap();
        assert_eq!(fields.line("name", 80), "Chez Awa");
        assert_eq!(fields.line("name", 4), "Chez");
        assert_eq!(fields.text("text", 80), "a\nb");
        assert_eq!(fields.numbers("name"), [0, 2]);
        assert!(fields.is_checked("box") && !fields.is_checked("other"));
        assert_eq!(fields.line("missing", 80), "");
    }
}

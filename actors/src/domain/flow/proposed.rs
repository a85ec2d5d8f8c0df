//! Numbers that a message proposes without saying of what.

use chrono::NaiveDateTime;

use super::people::people;
use super::phrases::is_of;
use crate::domain::dates::{self, Phrase};
use crate::domain::number_words;

/// Words around a number that is proposed.
const AROUND: &str = "nah ah oh ok oui yes hmm euh oups oops pardon sorry desole desolee svp stp please pls merci \
    thanks thank i j je we on tu you vous u il it ca c ce cela that this there the le la l les d est is be s ll sera \
    serait would will peux peut pouvez pouvons pourrait pourrions pourriez pourrais possible mieux better plus me m \
    moi nous us arrange va irait ira works work fine good suits bien then alors donc maybe etre mais but wait \
    attendez attends if que qu and et bon in en of to time heure aimerais aime like want veut veux voudrais voudrait \
    for pour still toujours dit hein place";
/// Words that propose it.
const PROPOSING: &str = "non no nan plutot rather instead actually finalement disait dirait disons dire mettait \
    mettons mettez mets mettre met faisait faisons faire faites fait prend prends prendre prefere prefer prefererais \
    make do say can could lets let what how about si change changer changez changed move decaler decale push switch \
    voulais mean meant a at vers around environ";

/// The number that a message proposes without saying of what, and whether a word of it proposes.
pub(super) fn proposed(said: &str) -> Option<(u32, bool)> {
    if people(said).is_some() {
        return None;
    }
    let (mut number, mut proposes) = (None, false);
    for word in said.split_whitespace() {
        // Articles as often as numbers.
        if matches!(word, "un" | "une" | "one") {
            continue;
        }
        match number_words::number(word) {
            Some(_) if number.is_some() => return None,
            Some(found) => number = Some(u32::try_from(found).ok().filter(|hour| (1..24).contains(hour))?),
            None if is_of(PROPOSING, word) => proposes = true,
            None if is_of(AROUND, word) => {}
            None => return None,
        }
    }
    number.map(|number| (number, proposes))
}

/// The hour that a number alone means: `can you do 4 instead`, `vers 8`.
pub(super) fn proposed_hour(said: &str, now: NaiveDateTime) -> Option<Phrase> {
    let (hour, _) = proposed(said).filter(|(_, proposes)| *proposes)?;
    Some(hour_of_day(hour, now))
}

/// An hour without `h` or `pm`: in either half of the day.
pub(super) fn hour_of_day(hour: u32, now: NaiveDateTime) -> Phrase {
    dates::read(&format!("at {hour}"), now, true)
}

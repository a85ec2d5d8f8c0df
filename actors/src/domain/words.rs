//! Words for the variants of a closed enum, in tables, events and metrics.

/// A stored word that no variant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known {of}")]
pub struct UnknownWord {
    /// The type that has no such variant.
    pub of: &'static str,
}

/// Gives an enum its `ALL`, `as_str`, `Display` and `FromStr`, so that each word is written down once.
macro_rules! stored_words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands in tables, events and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::words::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::domain::words::UnknownWord { of: stringify!($name) }),
                }
            }
        }
    };
}

pub(crate) use stored_words;

#[cfg(test)]
mod tests {
    use crate::domain::address::Scheme;
    use crate::domain::conversation::{ConversationStatus, Handler};
    use crate::domain::event::{ActorType, EntityType, EventType};
    use crate::domain::message::{OutboundKind, Role};
    use crate::domain::status::{DeliveryStatus, OutboxState};
    use crate::domain::timer::TimerKind;
    use crate::domain::turn::Outcome;

    macro_rules! both_ways {
        ($($name:ident),+) => {
            $(
                for value in $name::ALL {
                    assert_eq!(value.as_str().parse::<$name>().unwrap(), *value);
                }
                assert!("no such word".parse::<$name>().is_err());
                assert!("".parse::<$name>().is_err());
            )+
        };
    }

    macro_rules! as_serde_has_it {
        ($($name:ident),+) => {
            $(for value in $name::ALL {
                assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
            })+
        };
    }

    #[test]
    fn every_stored_word_is_read_back() {
        both_ways!(
            ActorType,
            ConversationStatus,
            DeliveryStatus,
            EntityType,
            EventType,
            Handler,
            Outcome,
            OutboundKind,
            OutboxState,
            Role,
            Scheme,
            TimerKind
        );
    }

    #[test]
    fn tables_and_json_use_the_same_words() {
        as_serde_has_it!(
            ActorType,
            ConversationStatus,
            DeliveryStatus,
            EntityType,
            EventType,
            Handler,
            OutboundKind,
            OutboxState,
            Role,
            Scheme
        );
    }
}

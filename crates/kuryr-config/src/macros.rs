//! The two macros that the option table is written in.

/// Declares a group of options: its struct, and its part of the table.
///
/// The comment on a field is both its documentation and its help text. Options
/// under `accepted` have no field: they are known, so that a file that sets them
/// is understood, and have no effect. A group with nothing else is a `const`.
macro_rules! option_group {
    (
        $(#[doc = $group_help:literal])+
        const $group:ident for $group_name:literal;
        accepted {
            $(
                $(#[doc = $other_help:literal])+
                $other:ident = $other_spec:expr;
            )*
        }
    ) => {
        pub(super) const $group: $crate::spec::GroupSpec = $crate::spec::GroupSpec {
            name: $group_name,
            help: concat!($($group_help),+),
            options: &[
                $($other_spec.named(stringify!($other), concat!($($other_help),+)),)*
            ],
        };
    };
    (
        $(#[doc = $group_help:literal])+
        pub struct $group:ident for $group_name:literal {
            $(
                $(#[doc = $help:literal])+
                $field:ident: $type:ty = $spec:expr;
            )*
        }
        accepted {
            $(
                $(#[doc = $other_help:literal])+
                $other:ident = $other_spec:expr;
            )*
        }
    ) => {
        $(#[doc = $group_help])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $group {
            $(
                $(#[doc = $help])+
                pub $field: $type,
            )*
        }

        impl $group {
            /// This group's part of the table.
            pub const GROUP: $crate::spec::GroupSpec = $crate::spec::GroupSpec {
                name: $group_name,
                help: concat!($($group_help),+),
                options: &[
                    $($spec.named(stringify!($field), concat!($($help),+)),)*
                    $($other_spec.named(stringify!($other), concat!($($other_help),+)),)*
                ],
            };

            /// Reads every option of the group, and only then gives up if one
            /// of them had no value at all.
            pub(crate) fn read(reader: &mut $crate::load::Reader<'_>) -> Option<Self> {
                let group = reader.group($group_name)?;
                $(let $field = reader.get::<$type>(group, stringify!($field));)*
                Some(Self { $($field: $field?),* })
            }
        }
    };
}

/// Declares an enum whose variants are the words of an option. Older words of
/// the same meaning, after a `|`, are taken too.
macro_rules! choices {
    (
        $(#[doc = $help:literal])+
        pub enum $name:ident {
            $($(#[doc = $variant_help:literal])+ $variant:ident = $word:literal $(| $older:literal)*,)+
        }
    ) => {
        $(#[doc = $help])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $variant_help])+ $variant,)+
        }

        impl $name {
            /// The words, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as it is written in `kuryr.conf`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::setting::Setting for $name {
            fn parse(
                text: &str,
                kind: &$crate::spec::Kind,
            ) -> Result<Self, $crate::setting::Rejection> {
                match text.trim() {
                    $($word $(| $older)* => Ok(Self::$variant),)+
                    word => Err(kind.reject_word(word)),
                }
            }
        }
    };
}

pub(crate) use {choices, option_group};

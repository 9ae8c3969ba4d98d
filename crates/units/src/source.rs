//! Where a number comes from.
//!
//! Not modelled: chains of sources; a derived number names the weakest of its inputs.

use core::fmt;

/// How much a number can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// Read off an instrument, or fitted to such readings.
    Measured,
    /// From the maker's data sheet or a contract document.
    Datasheet,
    /// Said by a company or the press.
    Claim,
    /// Chosen by us because nothing better is public.
    Guess,
}

impl SourceKind {
    /// All kinds, best first.
    pub const ALL: [Self; 4] = [Self::Measured, Self::Datasheet, Self::Claim, Self::Guess];
    /// The word that scenario files and reports use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Datasheet => "datasheet",
            Self::Claim => "claim",
            Self::Guess => "guess",
        }
    }
}

/// A kind and the citation behind it, written `"claim: press, January 2026"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// How much the number can be trusted.
    pub kind: SourceKind,
    /// Who said it, where; for a guess, why this value.
    pub citation: String,
}

impl Source {
    /// Reads `"kind: citation"`; the citation may not be empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (word, citation) = text
            .split_once(':')
            .ok_or_else(|| "write \"kind: citation\", for example \"claim: press, January 2026\"".to_owned())?;
        let kind = SourceKind::ALL.into_iter().find(|kind| kind.word() == word.trim()).ok_or_else(|| {
            format!("\"{}\" is not a kind of source; use measured, datasheet, claim or guess", word.trim())
        })?;
        let citation = citation.trim();
        if citation.is_empty() {
            return Err("the citation behind the colon is empty".to_owned());
        }
        Ok(Self { kind, citation: citation.to_owned() })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.word(), self.citation)
    }
}

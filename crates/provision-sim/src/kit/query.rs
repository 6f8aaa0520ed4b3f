//! Queries and form bodies.

use url::form_urlencoded;

/// Decoded name-value pairs in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

/// A parameter that is not a whole number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotANumber;

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        Self::parse_bytes(query.as_bytes())
    }

    pub(crate) fn parse_bytes(query: &[u8]) -> Self {
        Self(form_urlencoded::parse(query).into_owned().collect())
    }

    /// The first value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter, unless it is empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A whole number, zero or more.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, NotANumber> {
        self.get(name)
            .map(|value| value.parse().map_err(|_| NotANumber))
            .transpose()
    }

    /// All pairs.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The query with some parameters set anew, encoded: for links to other pages.
    pub(crate) fn with(&self, set: &[(&str, String)]) -> String {
        let kept = self
            .0
            .iter()
            .filter(|(name, _)| !set.iter().any(|(new, _)| new == name));
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .extend_pairs(set)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_kept_in_order() {
        let query = Query::parse("id=1&id=2&label_selector=a%3D%3Db+c&page=x&empty=");
        assert_eq!(query.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.get("label_selector"), Some("a==b c"));
        assert_eq!(query.number("id"), Ok(Some(1)));
        assert_eq!(query.number("page"), Err(NotANumber));
        assert_eq!(query.number("none"), Ok(None));
        assert_eq!(query.filled("empty"), None);
        assert_eq!(Query::parse("b=1&page=3").with(&[("page", "4".into())]), "b=1&page=4");
    }
}

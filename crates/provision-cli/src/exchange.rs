//! Prices in one currency, by rates that the user gives: exchange rates are not looked up.

use std::{collections::BTreeMap, str::FromStr};

use crate::failure::{Failure, Outcome};

/// What one unit of a currency is worth, as `EUR=1.1`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rate {
    currency: String,
    value: f64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || "write CODE=VALUE, such as EUR=1.1".to_owned();
        let (currency, value) = text.split_once('=').ok_or_else(refuse)?;
        let value: f64 = value.parse().map_err(|_| refuse())?;
        if !value.is_finite() || value <= 0.0 {
            return Err(refuse());
        }
        Ok(Self {
            currency: code(currency)?,
            value,
        })
    }
}

/// A currency's code, such as `USD`.
pub(crate) fn code(text: &str) -> Result<String, String> {
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("write a currency's code, such as USD or EUR".to_owned())
    }
}

/// Turns prices into one currency.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    currency: &'a str,
    rates: BTreeMap<&'a str, f64>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(currency: &'a str, rates: &'a [Rate]) -> Self {
        let mut rates: BTreeMap<&str, f64> = rates.iter().map(|rate| (rate.currency.as_str(), rate.value)).collect();
        rates.insert(currency, 1.0);
        Self { currency, rates }
    }

    pub(crate) fn currency(&self) -> &'a str {
        self.currency
    }

    /// The amount in the one currency.
    pub(crate) fn convert(&self, amount: f64, currency: &str) -> Outcome<f64> {
        let rate = self.rates.get(currency).ok_or_else(|| {
            Failure::usage(format!(
                "prices are in {currency}: say what one {currency} is worth in {0} with --rate {currency}=VALUE",
                self.currency
            ))
        })?;
        Ok(amount * rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        assert_eq!(
            "eur=1.1".parse::<Rate>().map(|rate| rate.currency),
            Ok("EUR".to_owned())
        );
        for text in ["EUR", "EUR=", "EUR=0", "EUR=-1", "EUR=inf", "EURO=1", "E1R=1", "=1"] {
            text.parse::<Rate>().unwrap_err();
        }
    }

    #[test]
    fn prices_are_turned_into_one_currency_and_a_missing_rate_is_named() {
        let rates = ["EUR=1.1".parse().unwrap()];
        let exchange = Exchange::new("USD", &rates);
        assert_eq!(exchange.convert(5.0, "USD").unwrap(), 5.0);
        assert!((exchange.convert(5.0, "EUR").unwrap() - 5.5).abs() < 1e-9);
        let failure = exchange.convert(1.0, "GBP").unwrap_err();
        assert!(failure.lines()[0].contains("--rate GBP=VALUE"), "{failure:?}");
    }
}

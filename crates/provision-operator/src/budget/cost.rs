//! What hosts may cost in a month. Clouds have prices in different currencies, which are neither converted nor added up.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// What a month of a host costs: an amount without tax, and its currency in the three letters of ISO 4217.
pub type Price = (f64, String);

/// A price that is one: what is negative, infinite or no number, or has no currency, is none.
#[must_use]
pub fn sound(price: Price) -> Option<Price> {
    let (amount, currency) = &price;
    let is_code = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
    (amount.is_finite() && *amount >= 0.0 && is_code).then_some(price)
}

/// A price as a status has it.
#[must_use]
pub fn to_text((amount, currency): &Price) -> String {
    format!("{amount:.2} {currency}")
}

/// Reads what [`to_text`] wrote.
#[must_use]
pub fn from_text(text: &str) -> Option<Price> {
    let (amount, currency) = text.split_once(' ')?;
    sound((amount.parse().ok()?, currency.to_owned()))
}

/// Sums are of prices with two or three digits after the point: what differs by less is equal.
const NOTHING: f64 = 1e-6;

/// One amount of `--max-monthly-cost`: `50`, or `50EUR`.
#[derive(Debug, Clone, PartialEq)]
pub struct Amount {
    amount: f64,
    currency: Option<String>,
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("{text:?} is no amount: write `50`, or `50EUR`, or `50EUR,40USD` for two currencies");
        let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, currency) = text.split_at_checked(digits).ok_or_else(wrong)?;
        let number = number.trim();
        if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(wrong());
        }
        let amount = number.parse().map_err(|_| wrong())?;
        let is_code = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_alphabetic());
        match currency {
            "" => Ok(Self { amount, currency: None }),
            code if is_code => Ok(Self {
                amount,
                currency: Some(code.to_ascii_uppercase()),
            }),
            _ => Err(wrong()),
        }
    }
}

/// What all hosts together may cost in a month.
#[derive(Debug, Clone, PartialEq)]
pub enum CostCap {
    /// So much, as long as every price has the same currency.
    Single(f64),
    /// So much in each of these currencies, and nothing in any other.
    Each(BTreeMap<String, f64>),
}

impl CostCap {
    /// From the amounts of the flag; `None` without any.
    ///
    /// # Errors
    /// A sentence, when several amounts do not each have a currency of their own.
    pub fn new(flag: &str, amounts: &[Amount]) -> Result<Option<Self>, String> {
        let mut each = BTreeMap::new();
        for Amount { amount, currency } in amounts {
            match currency {
                None if amounts.len() == 1 => return Ok(Some(Self::Single(*amount))),
                None => {
                    return Err(format!(
                        "{flag}: several amounts each need their currency, such as `50EUR,40USD`"
                    ));
                }
                Some(code) if each.insert(code.clone(), *amount).is_some() => {
                    return Err(format!("{flag}: there are two amounts in {code}"));
                }
                Some(_) => {}
            }
        }
        Ok((!each.is_empty()).then_some(Self::Each(each)))
    }

    /// Whether a host of this price may join those of these prices; if not, a sentence that says which flag to give.
    pub(super) fn allows<'a>(
        &self,
        held: impl Iterator<Item = &'a Price>,
        price: &Price,
        flag: &str,
    ) -> Result<(), String> {
        let (cost, currency) = price;
        let (mut spent, mut other) = (0.0, None);
        for (amount, code) in held {
            if code == currency {
                spent += amount;
            } else {
                other = Some(code);
            }
        }
        let most = match (self, other) {
            (Self::Single(most), None) => *most,
            (Self::Single(most), Some(other)) => {
                return Err(format!(
                    "this host is priced in {currency} and hosts that exist in {other}, which one amount cannot cap: \
                     give one for each currency, such as {flag} {most}{other},{most}{currency}"
                ));
            }
            (Self::Each(each), _) => *each.get(currency).ok_or_else(|| {
                format!(
                    "this host is priced in {currency}, and {flag} {self} allows nothing in it: \
                     add an amount, such as {flag} {self},{cost:.2}{currency}"
                )
            })?,
        };
        if spent + cost > most + NOTHING {
            return Err(format!(
                "the hosts that exist cost {spent:.2} {currency} a month, this one {cost:.2} {currency}, \
                 and {flag} {self} allows {most:.2} {currency}"
            ));
        }
        Ok(())
    }
}

/// As the flag's value.
impl fmt::Display for CostCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(most) => write!(f, "{most}"),
            Self::Each(each) => {
                let all: Vec<String> = each.iter().map(|(code, most)| format!("{most}{code}")).collect();
                f.write_str(&all.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAG: &str = "--max-monthly-cost";

    #[test]
    fn a_price_goes_through_a_status_or_is_none() {
        let price = (4.5, "USD".to_owned());
        assert_eq!(to_text(&price), "4.50 USD");
        assert_eq!(from_text("4.50 USD"), Some(price));
        for none in [
            "",
            "4.50",
            "-1.00 USD",
            "NaN USD",
            "inf USD",
            "1e999 USD",
            "1 usd",
            "1  USD",
        ] {
            assert_eq!(from_text(none), None, "{none}");
        }
    }

    fn cap(text: &str) -> Result<Option<CostCap>, String> {
        let amounts: Result<Vec<Amount>, String> = text.split(',').map(str::parse).collect();
        CostCap::new(FLAG, &amounts?)
    }

    fn allows(text: &str, held: &[(f64, &str)], price: (f64, &str)) -> Result<(), String> {
        let held: Vec<Price> = held
            .iter()
            .map(|(amount, code)| (*amount, (*code).to_owned()))
            .collect();
        let price = (price.0, price.1.to_owned());
        cap(text).unwrap().unwrap().allows(held.iter(), &price, FLAG)
    }

    #[test]
    fn amounts_are_read_or_refused() {
        assert_eq!(cap("50").unwrap(), Some(CostCap::Single(50.0)));
        assert_eq!(cap("7.5").unwrap(), Some(CostCap::Single(7.5)));
        let each = cap("50EUR, 40.5 usd").unwrap().unwrap();
        assert_eq!(each.to_string(), "50EUR,40.5USD");
        assert_eq!(CostCap::new(FLAG, &[]).unwrap(), None);
        for wrong in [
            "", "EUR", "-1", "+1", "1e3", "inf", "NaN", "50EURO", "50€", "5 0EUR", "1.2.3", ".",
        ] {
            assert!(cap(wrong).unwrap_err().contains("is no amount"), "{wrong}");
        }
        assert!(cap("50,40USD").unwrap_err().contains("each need their currency"));
        assert!(cap("50,40").unwrap_err().contains("each need their currency"));
        assert!(cap("50EUR,1eur").unwrap_err().contains("two amounts in EUR"));
    }

    #[test]
    fn one_amount_holds_for_one_currency_and_is_never_stretched_over_two() {
        allows("10", &[(6.0, "EUR")], (4.0, "EUR")).unwrap();
        let refused = allows("10", &[(6.0, "EUR")], (4.01, "EUR")).unwrap_err();
        assert!(
            refused.contains("6.00 EUR") && refused.contains("allows 10.00 EUR"),
            "{refused}"
        );
        let refused = allows("10", &[(1.0, "EUR")], (1.0, "USD")).unwrap_err();
        assert!(refused.contains("--max-monthly-cost 10EUR,10USD"), "{refused}");
        // Not even for a currency that is there already.
        allows("10", &[(1.0, "EUR"), (1.0, "USD")], (1.0, "EUR")).unwrap_err();
        allows("0.3", &[(0.1, "USD"), (0.1, "USD")], (0.1, "USD")).unwrap();
    }

    #[test]
    fn each_currency_has_its_own_amount_and_others_have_none() {
        allows("10EUR,5USD", &[(10.0, "EUR")], (5.0, "USD")).unwrap();
        allows("10EUR,5USD", &[(10.0, "EUR")], (1.0, "EUR")).unwrap_err();
        allows("10EUR", &[(9.0, "USD")], (10.0, "EUR")).unwrap();
        let refused = allows("10EUR", &[], (4.0, "USD")).unwrap_err();
        assert!(refused.contains("--max-monthly-cost 10EUR,4.00USD"), "{refused}");
    }
}
